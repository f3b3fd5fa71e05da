// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Frontend;

namespace Builder.Executor.Sandbox;

/// <summary>A process or its isolation could not be set up.</summary>
public sealed class SandboxException : BuildException
{
    /// <summary>Creates a failure that is not a system call's.</summary>
    public SandboxException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the failure of one row of the set-up.</summary>
    public SandboxException(string operation, string syscall, Errno errno)
        : base($"{operation}: {ErrnoText.Describe(errno)} ({syscall})")
    {
        Operation = operation;
        Syscall = syscall;
        Errno = errno;
    }

    /// <summary>What was being done, when a system call failed.</summary>
    public string? Operation { get; }

    /// <summary>The call that failed, or null.</summary>
    public string? Syscall { get; }

    /// <summary>The kernel's answer.</summary>
    public Errno Errno { get; }

    /// <summary>True when the command itself could not be executed: not found, or not a programme.</summary>
    public bool IsCommandFailure { get; init; }

    /// <summary>Why the command could not be executed; ENOENT is "not found", anything else "not runnable".</summary>
    public Errno CommandErrno { get; init; }

    /// <summary>127 for a command that was not found, 126 for one that cannot be executed, else 125.</summary>
    public int ShellCode => !IsCommandFailure ? 125 : CommandErrno is Errno.ENOENT or Errno.ENOTDIR ? 127 : 126;
}
