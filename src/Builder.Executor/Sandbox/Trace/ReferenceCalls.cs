// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// open(2) with O_PATH. A listener cannot hand over such a descriptor (EBADF). Files and directories are opened for
/// reading instead, which can do all that a reference can; of links, fifos and sockets the process makes the reference
/// itself, by another name in the directory of <see cref="ExecutableImages"/>.
/// </summary>
internal sealed class ReferenceCalls(GuestPaths paths, ExecutableImages images)
{
    private const int Read = 4;
    private const int NoTerminal = 0x100;
    private const ulong CurrentDirectory = unchecked((ulong)Libc.AtFdCwd);

    /// <summary>Changes a call.</summary>
    /// <param name="thread">Who calls.</param>
    /// <param name="registers">With what.</param>
    /// <param name="isAt">It is openat(2).</param>
    public ChangedCall? Change(Tracee thread, ref TraceRegisters registers, bool isAt)
    {
        int shift = isAt ? 1 : 0;
        int flags = (int)registers.Argument(shift + 1);
        if (TraceeMemory.ReadPath(thread.ThreadId, registers.Argument(shift)) is not { } path)
        {
            throw new LinuxException("open", Errno.EFAULT);
        }

        Errno errno = paths.Find(
            thread, isAt ? (int)registers.Argument(0) : Libc.AtFdCwd, path, (flags & OpenFlags.NoFollow) == 0,
            out Found? found);
        using (found)
        {
            if (errno != Errno.None)
            {
                throw new LinuxException("open", errno);
            }

            bool isPlain = found!.Status.IsDirectory || found.Status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice
                || (found.Status.IsRegular && paths.Access.Check(thread, found.File, Read) == Errno.None);
            if (isPlain)
            {
                ChangedCall reading = new(registers, 0, thread.Process.Memory);
                int kept = flags & (OpenFlags.Directory | OpenFlags.NoFollow | OpenFlags.CloseOnExec);
                registers.SetArgument(shift + 1, (ulong)(uint)(kept | OpenFlags.NonBlock | NoTerminal));
                return reading;
            }

            if ((flags & OpenFlags.Directory) != 0)
            {
                throw new LinuxException("open", Errno.ENOTDIR);
            }

            if (ArgumentPlaces.TryTake(thread, ref registers, out ulong place) is { } makesPlaces)
            {
                return makesPlaces;
            }

            if (images.AnotherName(found.File) is not { } name)
            {
                thread.Process.Memory.GiveBack(place);
                throw new LinuxException("open", Errno.ELOOP); // a link of /proc or of a mount
            }

            ChangedCall call = new(registers, place, thread.Process.Memory) { Temporary = name };
            ArgumentPlaces.Write(thread, place, [.. PathEncoding.Encode(name), 0]);
            registers.Number = CallNumbers.Openat;
            registers.SetArgument(0, CurrentDirectory);
            registers.SetArgument(1, place);
            registers.SetArgument(2, (ulong)(uint)(OpenFlags.Path | OpenFlags.NoFollow | (flags & OpenFlags.CloseOnExec)));
            return call;
        }
    }
}
