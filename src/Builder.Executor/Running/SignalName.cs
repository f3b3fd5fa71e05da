// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Executor.Running;

/// <summary>Names of signals, the same numbers on x86-64 and arm64. Source: signal(7).</summary>
public static class SignalName
{
    private const int LowestRealTime = 34;
    private const int HighestRealTime = 64;

    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>Parses <c>TERM</c>, <c>SIGTERM</c>, <c>15</c> or <c>RTMIN+3</c>.</summary>
    /// <exception cref="RunException">No such signal.</exception>
    public static int Parse(string text)
    {
        string name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return number is > 0 and <= HighestRealTime ? number : throw Invalid(text);
        }

        int index = name.Length == 0 ? -1 : Array.IndexOf(s_names, name);
        return index > 0 ? index : ParseRealTime(name) ?? throw Invalid(text);
    }

    /// <summary>The name without SIG, or the number.</summary>
    public static string Of(int signal) => signal > 0 && signal < s_names.Length
        ? s_names[signal]
        : signal.ToString(CultureInfo.InvariantCulture);

    private static int? ParseRealTime(string name)
    {
        (int start, int sign, string rest) = name switch
        {
            _ when name.StartsWith("RTMIN", StringComparison.Ordinal) => (LowestRealTime, 1, name[5..].TrimStart('+')),
            _ when name.StartsWith("RTMAX", StringComparison.Ordinal) => (HighestRealTime, -1, name[5..].TrimStart('-')),
            _ => (0, 0, ""),
        };
        int offset = 0;
        bool isNumber = rest.Length == 0
            || int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out offset);
        int signal = start + (sign * offset);
        return sign != 0 && isNumber && signal is >= LowestRealTime and <= HighestRealTime ? signal : null;
    }

    private static RunException Invalid(string text) =>
        new(RunFailure.Malformed, $"invalid signal: {text}") { Hint = "for instance TERM, SIGTERM or 15" };
}
