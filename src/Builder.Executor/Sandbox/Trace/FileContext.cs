// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>What CLONE_FS shares.</summary>
internal sealed class FileContext
{
    private HeldDirectory _workingDirectory;

    /// <summary>Takes over a hold of the working directory.</summary>
    public FileContext(HeldDirectory workingDirectory) => _workingDirectory = workingDirectory;

    /// <summary>The working directory. The kernel's own is elsewhere and never changes.</summary>
    public HeldDirectory WorkingDirectory
    {
        get => _workingDirectory;
        set
        {
            _workingDirectory.Release();
            _workingDirectory = value;
        }
    }

    /// <summary>What chroot(2) made the root: "" or a path in the step's root.</summary>
    public byte[] Root { get; set; } = [];

    /// <summary>The mask of new files' modes.</summary>
    public int Umask { get; set; } = 0b000_010_010;

    /// <summary>How many threads share it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>A copy, as fork(2) makes it.</summary>
    public FileContext Fork()
    {
        _workingDirectory.Hold();
        return new FileContext(_workingDirectory) { Root = Root, Umask = Umask };
    }
}
