// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>Names of signals for messages. Source: signal(7); the same numbers on x86-64 and arm64.</summary>
internal static class SignalNames
{
    private static readonly string[] s_names =
    [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
        "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
        "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",
        "SIGSYS",
    ];

    /// <summary>"signal 9 (SIGKILL)".</summary>
    public static string Describe(int signal) => signal > 0 && signal < s_names.Length
        ? string.Create(CultureInfo.InvariantCulture, $"signal {signal} ({s_names[signal]})")
        : string.Create(CultureInfo.InvariantCulture, $"signal {signal}");
}
