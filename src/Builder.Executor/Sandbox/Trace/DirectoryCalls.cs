// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Where a process is: its working directory and root exist here only, the kernel's own are elsewhere. And links, whose
/// texts may be the machine's.
/// </summary>
internal sealed class DirectoryCalls(GuestPaths paths)
{
    private const int Search = 1;

    /// <summary>chdir(2).</summary>
    public Answer Change(Tracee caller, in Notification call)
    {
        Errno errno = FindDirectory(caller, call.A0, out Found? found);
        if (errno != Errno.None)
        {
            return Answer.Fail(errno);
        }

        Enter(caller, found!.Release(), found.Status);
        return Answer.Success;
    }

    /// <summary>fchdir(2).</summary>
    public Answer ChangeToDescriptor(Tracee caller, in Notification call)
    {
        FileDescriptor? directory = GuestPaths.OpenDescriptor(caller, (int)call.A0);
        if (directory is null || HostCall.Status(directory.Value, out FileStatus status) < 0)
        {
            return Answer.Fail(Errno.EBADF);
        }

        Errno errno = !status.IsDirectory ? Errno.ENOTDIR : paths.Access.Check(caller, directory.Value, status, Search);
        if (errno != Errno.None)
        {
            directory.Dispose();
            return Answer.Fail(errno);
        }

        Enter(caller, directory, status);
        return Answer.Success;
    }

    /// <summary>chroot(2), as the capability of containers allows it.</summary>
    public Answer ChangeRoot(Tracee caller, in Notification call)
    {
        if (!caller.Process.Identity.IsPrivileged)
        {
            return Answer.Fail(Errno.EPERM);
        }

        Errno errno = FindDirectory(caller, call.A0, out Found? found);
        using (found)
        {
            if (errno != Errno.None)
            {
                return Answer.Fail(errno);
            }

            if (paths.NameOf(found!.File) is not { } root)
            {
                return Answer.Fail(Errno.ENOENT);
            }

            caller.Files.Root = root is [(byte)'/'] ? [] : root;
            return Answer.Success;
        }
    }

    /// <summary>getcwd(2).</summary>
    public Answer Name(Tracee caller, in Notification call)
    {
        int directory = caller.Files.WorkingDirectory.Descriptor;
        if (paths.NameOf(directory) is not { } name)
        {
            // Too deep for a path, unless it was removed: libraries then look for the name themselves.
            bool isThere = HostCall.Status(directory, out FileStatus status) == 0 && status.LinkCount > 0;
            return Answer.Fail(isThere ? Errno.ENAMETOOLONG : Errno.ENOENT);
        }

        ReadOnlySpan<byte> root = caller.Files.Root;
        ReadOnlySpan<byte> seen = name;
        if (root.Length > 0)
        {
            bool isBelow = seen.StartsWith(root) && (seen.Length == root.Length || seen[root.Length] == '/');
            seen = isBelow ? seen[root.Length..] : (byte[])[.. "(unreachable)"u8, .. name];
            seen = seen.IsEmpty ? "/"u8 : seen;
        }

        byte[] result = [.. seen, 0];
        return (ulong)result.Length > call.A1 ? Answer.Fail(Errno.ERANGE)
            : TraceeMemory.TryWrite(caller.ThreadId, call.A0, result) ? Answer.Of(result.Length)
            : Answer.Fail(Errno.EFAULT);
    }

    /// <summary>readlink(2), readlinkat(2).</summary>
    public Answer ReadLink(Tracee caller, int directory, ulong address, ulong buffer, ulong size)
    {
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        if ((int)size <= 0)
        {
            return Answer.Fail(Errno.EINVAL);
        }

        byte[]? text;
        if (path.Length == 0)
        {
            using FileDescriptor? held = GuestPaths.OpenDescriptor(caller, directory);
            text = held is null ? null : HostCall.ReadLink(held.Value, []);
            if (text is null)
            {
                return Answer.Fail(held is null ? Errno.EBADF : Errno.ENOENT);
            }
        }
        else
        {
            Errno errno = paths.Find(caller, directory, path, follow: false, out Found? found);
            using (found)
            {
                if (errno != Errno.None)
                {
                    return Answer.Fail(errno);
                }

                text = found!.Status.IsSymlink ? found.LinkText ?? HostCall.ReadLink(found.File, []) : null;
                if (text is null)
                {
                    return Answer.Fail(Errno.EINVAL);
                }
            }
        }

        byte[] given = text.Length > (int)size ? text[..(int)size] : text;
        return TraceeMemory.TryWrite(caller.ThreadId, buffer, given) ? Answer.Of(given.Length) : Answer.Fail(Errno.EFAULT);
    }

    /// <summary>umask(2): known here as well, for the files that this process makes.</summary>
    public static Answer SetUmask(Tracee caller, in Notification call)
    {
        caller.Files.Umask = (int)call.A0 & 0b111_111_111;
        return Answer.Continue;
    }

    private void Enter(Tracee caller, FileDescriptor directory, in FileStatus status) =>
        caller.Files.WorkingDirectory = new HeldDirectory(directory, paths.Mounts.IsSpecial(status));

    private Errno FindDirectory(Tracee caller, ulong address, out Found? found)
    {
        found = null;
        if (TraceeMemory.ReadPath(caller.ThreadId, address) is not { } path)
        {
            return Errno.EFAULT;
        }

        Errno errno = paths.Find(caller, Libc.AtFdCwd, path, follow: true, out found);
        if (errno == Errno.None)
        {
            errno = !found!.Status.IsDirectory
                ? Errno.ENOTDIR
                : paths.Access.Check(caller, found.File, found.Status, Search);
        }

        if (errno != Errno.None)
        {
            found?.Dispose();
            found = null;
        }

        return errno;
    }
}
