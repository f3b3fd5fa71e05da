// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A thread of a traced process. All of this is guarded by the step's one lock.</summary>
internal sealed class Tracee(int threadId, TracedProcess process, FileContext files)
{
    /// <summary>Its number; an execve(2) makes the process's number its own.</summary>
    public int ThreadId { get; set; } = threadId;

    /// <summary>The process it belongs to.</summary>
    public TracedProcess Process { get; } = process;

    /// <summary>Its working directory, root and umask.</summary>
    public FileContext Files { get; set; } = files;

    /// <summary>A changed call whose registers are to be put back, or null.</summary>
    public ChangedCall? Changed { get; set; }
}

/// <summary>A traced process.</summary>
internal sealed class TracedProcess(int id, FakeIdentity identity, byte[] executable, AddressSpace memory)
{
    /// <summary>Its process id.</summary>
    public int Id { get; } = id;

    /// <summary>Who it believes to be.</summary>
    public FakeIdentity Identity { get; set; } = identity;

    /// <summary>What /proc/self/exe says: a path in the step's root.</summary>
    public byte[] Executable { get; set; } = executable;

    /// <summary>Its memory.</summary>
    public AddressSpace Memory { get; set; } = memory;

    /// <summary>How many threads it has.</summary>
    public int ThreadCount { get; set; }
}

/// <summary>Memory that one or more threads share, and the places in it that the tracer may write to.</summary>
internal sealed class AddressSpace
{
    /// <summary>The size of a place.</summary>
    public const int PlaceBytes = 8192;

    /// <summary>How many places are made at once.</summary>
    public const int PlacesAtOnce = 8;

    /// <summary>Free places of <see cref="PlaceBytes"/>.</summary>
    public Stack<ulong> Places { get; } = [];

    /// <summary>A place for more than that, or null.</summary>
    public (ulong Address, int Bytes)? LargePlace { get; set; }

    /// <summary>How many threads share it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>A copy, as fork(2) makes it.</summary>
    public AddressSpace Fork()
    {
        var copy = new AddressSpace { LargePlace = LargePlace };
        foreach (ulong place in Places.Reverse())
        {
            copy.Places.Push(place);
        }

        return copy;
    }
}

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

/// <summary>A directory that some processes are in.</summary>
/// <param name="descriptor">A reference to it.</param>
/// <param name="isSpecial">It lies in /proc, where names mean what the caller may see.</param>
internal sealed class HeldDirectory(FileDescriptor descriptor, bool isSpecial)
{
    private int _holds = 1;

    /// <summary>A reference to it.</summary>
    public int Descriptor => descriptor.Value;

    /// <summary>It lies in /proc.</summary>
    public bool IsSpecial { get; } = isSpecial;

    /// <summary>One more holds it.</summary>
    public void Hold() => _holds++;

    /// <summary>One less holds it.</summary>
    public void Release()
    {
        if (--_holds == 0)
        {
            descriptor.Dispose();
        }
    }
}

/// <summary>A call that goes on with other arguments than it was made with.</summary>
/// <param name="Before">The registers it was made with.</param>
/// <param name="Place">The place in the memory that holds the new arguments, given back afterwards; 0 for none.</param>
/// <param name="Memory">The memory.</param>
/// <param name="Executable">For execve(2): what /proc/self/exe will say.</param>
/// <param name="MakesPlaces">It is a mmap(2) that the process did not make: its call is repeated after it.</param>
/// <param name="LargeBytes">It makes one place of this size; 0 for several small ones.</param>
internal sealed record ChangedCall(
    TraceRegisters Before, ulong Place, AddressSpace Memory, byte[]? Executable = null, bool MakesPlaces = false,
    int LargeBytes = 0);
