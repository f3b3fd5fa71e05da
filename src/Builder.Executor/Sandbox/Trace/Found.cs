// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A file that a path means, held by a reference.</summary>
internal sealed class Found(FileDescriptor file, FileStatus status) : IDisposable
{
    /// <summary>The reference (O_PATH).</summary>
    public int File => file.Value;

    /// <summary>Its status.</summary>
    public FileStatus Status { get; } = status;

    /// <summary>The text of a link of /proc, which differs from the kernel's; null for all others.</summary>
    public byte[]? LinkText { get; init; }

    /// <summary>A link of /proc to an open file: following it never looks at its text.</summary>
    public bool IsMagic { get; init; }

    /// <summary>What is to be shown of it.</summary>
    public ProcContent Content { get; init; }

    /// <summary>The process of a file of /proc whose content is made here.</summary>
    public int ProcessId { get; init; }

    /// <summary>It is the memory of a process: /proc/PID/mem.</summary>
    public bool IsMemory { get; init; }

    /// <summary>Gives the reference away.</summary>
    public FileDescriptor Release()
    {
        FileDescriptor given = file;
        file = null!;
        return given;
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();
}
