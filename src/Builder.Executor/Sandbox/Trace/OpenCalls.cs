// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>open(2) and its kin: this process opens the file and hands the descriptor over.</summary>
internal sealed class OpenCalls(GuestPaths paths, ProcView proc, TraceOwners owners, SeccompListener listener)
{
    private const int AccessMode = 3;
    private const int TemporaryBit = 0x400000; // O_TMPFILE without the O_DIRECTORY that belongs to it
    private const int NoTerminal = 0x100;
    private const int Kept = ~(OpenFlags.Create | OpenFlags.Exclusive);
    private const int CreatFlags = OpenFlags.Create | OpenFlags.WriteOnly | OpenFlags.Truncate;
    private const int CloseOnExecMemory = 1; // MFD_CLOEXEC
    private const int MaxRaces = 100;
    private const int WriteExecute = 3;

    private readonly HashSet<(uint, uint)> _foreignTerminals = ListTerminals();
    private readonly List<(FileDescriptor Fifo, Thread Thread)> _waiting = [];
    private readonly int _ownUmask = TraceeUmask.Read(Environment.ProcessId);

    /// <summary>creat(2).</summary>
    public Answer Create(Tracee caller, in Notification call) =>
        Open(caller, call, Libc.AtFdCwd, call.A0, CreatFlags, (int)call.A1);

    /// <summary>open(2), openat(2).</summary>
    public Answer Open(Tracee caller, in Notification call, int directory, ulong address, int flags, int mode)
    {
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        bool creates = (flags & OpenFlags.Create) != 0 && (flags & OpenFlags.Path) == 0;
        bool isExclusive = creates && (flags & OpenFlags.Exclusive) != 0;
        bool isTemporary = (flags & TemporaryBit) != 0;
        bool follow = (flags & OpenFlags.NoFollow) == 0 && !isExclusive;
        for (int race = 0; race < MaxRaces; race++)
        {
            Errno errno = paths.Find(caller, directory, path, follow, out Found? found);
            using (found)
            {
                if (errno == Errno.None)
                {
                    return isExclusive && !isTemporary ? Answer.Fail(Errno.EEXIST)
                        : isTemporary ? MakeTemporary(caller, call, found!, flags, mode)
                        : OpenFound(caller, call, found!, flags);
                }
            }

            if (errno != Errno.ENOENT || !creates)
            {
                return Answer.Fail(errno);
            }

            if (Make(caller, call, directory, path, flags, mode, isExclusive) is { } answer)
            {
                return answer;
            }
        }

        return Answer.Fail(Errno.EEXIST);
    }

    /// <summary>The mode of a new file.</summary>
    public static int Masked(Tracee caller, int mode) => mode & 0xFFF & ~caller.Files.Umask;

    /// <summary>The bits of a new file's mode that this process's own umask would take away.</summary>
    public bool NeedsChmod(int diskMode) => (diskMode & _ownUmask) != 0;

    // Null when somebody else made it meanwhile.
    private Answer? Make(
        Tracee caller, in Notification call, int directory, byte[] path, int flags, int mode, bool isExclusive)
    {
        if (path[^1] == '/')
        {
            return Answer.Fail(Errno.EISDIR);
        }

        // A link in the last place, which leads elsewhere, is rare: then the name is there.
        Errno errno = paths.FindEntry(caller, directory, path, out Entry? entry);
        if (!isExclusive && errno == Errno.None && HostCall.StatusAt(entry!.Directory, entry.Name, out _) == 0)
        {
            entry.Dispose();
            errno = paths.FindMissing(caller, directory, path, out entry);
        }

        using (entry)
        {
            if (errno != Errno.None)
            {
                return errno == Errno.EEXIST ? null : Answer.Fail(errno);
            }

            if (paths.Mounts.IsReadOnly(entry!.Directory))
            {
                return Answer.Fail(Errno.EROFS);
            }

            errno = paths.Access.Check(caller, entry.Directory, WriteExecute);
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            int wanted = Masked(caller, mode);
            int diskMode = owners.DiskMode(FileKind.Regular, wanted);
            long opened = HostCall.Open(
                entry.Directory, entry.Name, flags | OpenFlags.Exclusive | OpenFlags.NoFollow | NoTerminal, diskMode);
            if (opened < 0)
            {
                return opened == -(long)Errno.EEXIST && !isExclusive ? null : Answer.Of(opened);
            }

            using var file = new FileDescriptor((int)opened);
            if (NeedsChmod(diskMode))
            {
                _ = Libc.Chmod(file.Value, (uint)diskMode);
            }

            owners.Begin(file.Value, entry.Directory, caller.Process.Identity, wanted);
            return Give(call, file.Value, flags);
        }
    }

    private Answer MakeTemporary(Tracee caller, in Notification call, Found directory, int flags, int mode)
    {
        Errno refused = paths.Mounts.IsReadOnly(directory.File)
            ? Errno.EROFS
            : paths.Access.Check(caller, directory.File, directory.Status, WriteExecute);
        if (refused != Errno.None)
        {
            return Answer.Fail(refused);
        }

        int wanted = Masked(caller, mode);
        long opened = HostCall.AtHeld(
            CallNumbers.Openat, directory.File, flags | OpenFlags.CloseOnExec,
            owners.DiskMode(FileKind.Regular, wanted));
        if (opened < 0)
        {
            return Answer.Of(opened);
        }

        using var file = new FileDescriptor((int)opened);
        owners.Begin(file.Value, directory.File, caller.Process.Identity, wanted);
        return Give(call, file.Value, flags);
    }

    private Answer OpenFound(Tracee caller, in Notification call, Found found, int flags)
    {
        if (found.Status.IsSymlink)
        {
            return (flags & OpenFlags.Path) != 0 ? Give(call, found.File, flags) : Answer.Fail(Errno.ELOOP);
        }

        bool writes = (flags & OpenFlags.Path) == 0
            && ((flags & AccessMode) != OpenFlags.ReadOnly || (flags & OpenFlags.Truncate) != 0);
        if (writes && found.Status.Kind is FileKind.Regular or FileKind.Directory && IsLocked(found))
        {
            return Answer.Fail(found.Status.IsDirectory ? Errno.EISDIR : Errno.EROFS);
        }

        if (MayNot(caller, found, flags))
        {
            return Answer.Fail(Errno.EACCES);
        }

        if (found.Content != ProcContent.Own && (flags & OpenFlags.Path) == 0)
        {
            return writes || found.Content == ProcContent.Hidden ? Answer.Fail(Errno.EACCES) : GiveText(call, proc.Read(found), flags);
        }

        if ((flags & OpenFlags.Path) == 0 && found.Status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
        {
            Errno refused = CheckDevice(found.Status);
            if (refused != Errno.None)
            {
                return Answer.Fail(refused);
            }
        }

        bool mayWait = found.Status.Kind == FileKind.Fifo && (flags & (OpenFlags.NonBlock | OpenFlags.Path)) == 0
            && (flags & AccessMode) != OpenFlags.ReadWrite;
        if (mayWait)
        {
            return OpenLater(call, found, flags);
        }

        long opened = HostCall.Reopen(found.File, (flags & Kept & ~OpenFlags.NoFollow) | NoTerminal);
        if (opened < 0)
        {
            return Answer.Of(opened);
        }

        using var file = new FileDescriptor((int)opened);
        return Give(call, file.Value, flags);
    }

    // Memory of a process can be read, not written: what the tracer has put there must stay (ArgumentPlaces).
    private bool MayNot(Tracee caller, Found found, int flags)
    {
        if ((flags & OpenFlags.Path) != 0)
        {
            return false;
        }

        bool writes = (flags & AccessMode) != OpenFlags.ReadOnly || (flags & OpenFlags.Truncate) != 0;
        if (writes && found.IsMemory)
        {
            return true;
        }

        // A pipe is nobody's file; the kernel knows what nodes allow.
        bool isAsked = found.Status.Kind is FileKind.Regular or FileKind.Directory
            || (found.Status.Kind == FileKind.Fifo && paths.NameOf(found.File) is not null);
        int wanted = (writes ? 2 : 0) | ((flags & AccessMode) is OpenFlags.WriteOnly ? 0 : 4);
        return isAsked && paths.Access.Check(caller, found.File, found.Status, wanted) != Errno.None;
    }

    // The devices that containers have, by number: a step of real root could make nodes of others. /dev/tty would be this
    // process's terminal, and terminals that were there before belong to the machine's users.
    private Errno CheckDevice(in FileStatus device)
    {
        const uint MemoryMajor = 1;
        const uint TerminalMajor = 5;
        const uint FirstPseudoTerminal = 136;
        const uint LastPseudoTerminal = 143;
        (uint major, uint minor) = (device.DeviceMajor, device.DeviceMinor);
        if (device.Kind == FileKind.BlockDevice)
        {
            return Errno.EPERM;
        }

        return major switch
        {
            MemoryMajor => minor is 3 or 5 or 7 or 8 or 9 ? Errno.None : Errno.EPERM, // null zero full random urandom
            TerminalMajor => minor == 2 ? Errno.None : Errno.ENXIO, // ptmx
            >= FirstPseudoTerminal and <= LastPseudoTerminal =>
                _foreignTerminals.Contains((major, minor)) ? Errno.ENXIO : Errno.None,
            _ => Errno.EPERM,
        };
    }

    private static HashSet<(uint, uint)> ListTerminals()
    {
        var terminals = new HashSet<(uint, uint)>();
        if (AtCalls.TryOpen(AtCalls.CurrentDirectory, "/dev/pts"u8, OpenFlags.DirectoryRead) is { } directory)
        {
            using (directory)
            {
                foreach (DirectoryEntry entry in DirectoryReader.Read(directory.Value))
                {
                    if (HostCall.StatusAt(directory.Value, entry.Name, out FileStatus status) == 0)
                    {
                        terminals.Add((status.DeviceMajor, status.DeviceMinor));
                    }
                }
            }
        }

        return terminals;
    }

    // Files of /proc outside the step's own processes are the machine's.
    private bool IsLocked(Found found) =>
        paths.Mounts.IsSpecial(found.Status) ? found.ProcessId == 0 : paths.Mounts.IsReadOnly(found.File);

    // A fifo's other end may be opened by a process that is not there yet: a thread waits for it.
    private Answer OpenLater(in Notification call, Found found, int flags)
    {
        Notification waiting = call;
        FileDescriptor fifo = found.Release();
        var thread = new Thread(() =>
        {
            long opened = HostCall.Reopen(fifo.Value, flags & Kept & ~OpenFlags.NoFollow);
            using var file = new FileDescriptor((int)opened);
            Answer answer = opened < 0 ? Answer.Of(opened) : Give(waiting, file.Value, flags);
            if (answer != Answer.Given)
            {
                listener.Respond(waiting, answer);
            }
        })
        { IsBackground = true, Name = "fifo" };
        _waiting.RemoveAll(wait =>
        {
            bool isOver = !wait.Thread.IsAlive;
            if (isOver)
            {
                wait.Fifo.Dispose();
            }

            return isOver;
        });
        _waiting.Add((fifo, thread));
        thread.Start();
        return Answer.Given;
    }

    /// <summary>After the step's end: nobody waits for fifos any more.</summary>
    public void Abandon()
    {
        foreach ((FileDescriptor fifo, Thread thread) in _waiting)
        {
            long both = HostCall.Reopen(fifo.Value, OpenFlags.ReadWrite | OpenFlags.NonBlock);
            using var otherEnd = new FileDescriptor((int)both);
            thread.Join();
            fifo.Dispose();
        }

        _waiting.Clear();
    }

    private unsafe Answer GiveText(in Notification call, byte[] text, int flags)
    {
        fixed (byte* name = "proc\0"u8)
        {
            long made = HostCall.Invoke(CallNumbers.MemfdCreate, (nint)name, CloseOnExecMemory);
            if (made < 0)
            {
                return Answer.Of(made);
            }

            using var memory = new FileDescriptor((int)made);
            fixed (byte* bytes = text)
            {
                _ = Libc.WriteAt(memory.Value, bytes, (nuint)text.Length, 0);
            }

            long opened = HostCall.Reopen(memory.Value, OpenFlags.ReadOnly);
            using var file = new FileDescriptor((int)opened);
            return opened < 0 ? Answer.Of(opened) : Give(call, file.Value, flags);
        }
    }

    private Answer Give(in Notification call, int file, int flags) =>
        listener.TryRespondWith(call, file, (flags & OpenFlags.CloseOnExec) != 0)
            ? Answer.Given
            : Libc.LastErrno == Errno.ENOENT ? Answer.Given : Answer.Fail(Libc.LastErrno);
}
