// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Finds what a path of a traced process means: below the step's root, through its mounts, with its own /proc. The usual
/// path costs one openat2(2) that cannot leave the root; what that cannot decide is walked name by name. All callers hold
/// the step's lock.
/// </summary>
internal sealed class GuestPaths(GuestMounts mounts, ProcView proc, AccessRules access)
{
    private const int MaxPathBytes = 4096;
    private const int MaxLinks = 40;
    private const int Search = 1;
    private const long Undecided = -(long)Errno.EXDEV;

    /// <summary>What stands where.</summary>
    public GuestMounts Mounts => mounts;

    /// <summary>Who may do what.</summary>
    public AccessRules Access => access;

    /// <summary>The file that a path means.</summary>
    /// <param name="caller">Who uses the path.</param>
    /// <param name="directory">The descriptor that a relative path starts from.</param>
    /// <param name="path">The path.</param>
    /// <param name="follow">A link in the last place is followed.</param>
    /// <param name="found">The file.</param>
    public Errno Find(Tracee caller, int directory, ReadOnlySpan<byte> path, bool follow, out Found? found)
    {
        found = null;
        if (path.IsEmpty || path.Length >= MaxPathBytes)
        {
            return path.IsEmpty ? Errno.ENOENT : Errno.ENAMETOOLONG;
        }

        FileDescriptor? start = null;
        try
        {
            Errno errno = OpenStart(caller, directory, path, out start, out int from, out bool isPlain);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (isPlain)
            {
                long fast = OpenFast(from, path, follow);
                if (fast >= 0)
                {
                    var file = new FileDescriptor((int)fast);
                    _ = HostCall.Status(file.Value, out FileStatus status);
                    if (mounts.AtPlace(status) is null && !mounts.IsCovered(file.Value, status))
                    {
                        errno = access.CheckSearch(caller, path[0] == '/' ? -1 : from, file.Value);
                        found = errno == Errno.None ? new Found(file, status) : null;
                        if (found is null)
                        {
                            file.Dispose();
                        }

                        return errno;
                    }

                    file.Dispose();
                }
                else if (fast is not (-(long)Errno.ENOENT or -(long)Errno.ENOTDIR or -(long)Errno.ELOOP or Undecided))
                {
                    return (Errno)(-fast);
                }
                else if (fast == -(long)Errno.ENOENT && AccessRules.IsRoot(caller) && IsMissing(from, path))
                {
                    return Errno.ENOENT;
                }
            }

            return Walk(caller, from, path, follow, out found, out _);
        }
        finally
        {
            start?.Dispose();
        }
    }

    /// <summary>The place of a path's last name, which is not followed.</summary>
    public Errno FindEntry(Tracee caller, int directory, ReadOnlySpan<byte> path, out Entry? entry)
    {
        entry = null;
        if (path.IsEmpty || path.Length >= MaxPathBytes)
        {
            return path.IsEmpty ? Errno.ENOENT : Errno.ENAMETOOLONG;
        }

        ReadOnlySpan<byte> trimmed = path.TrimEnd((byte)'/');
        int slash = trimmed.LastIndexOf((byte)'/');
        ReadOnlySpan<byte> name = trimmed[(slash + 1)..];
        ReadOnlySpan<byte> parent = trimmed.IsEmpty ? path : slash < 0 ? "."u8 : path[..(slash + 1)];
        Errno errno = Find(caller, directory, parent, follow: true, out Found? found);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!found!.Status.IsDirectory)
        {
            found.Dispose();
            return Errno.ENOTDIR;
        }

        entry = new Entry(found.Release(), name.IsEmpty ? "."u8.ToArray() : name.ToArray());
        return Errno.None;
    }

    /// <summary>The place where a missing file is to be made: links in the last place are followed.</summary>
    public Errno FindMissing(Tracee caller, int directory, ReadOnlySpan<byte> path, out Entry? entry)
    {
        entry = null;
        Errno errno = OpenStart(caller, directory, path, out FileDescriptor? start, out int from, out _);
        using (start)
        {
            if (errno != Errno.None)
            {
                return errno;
            }

            errno = Walk(caller, from, path, follow: true, out Found? found, out (byte[] Parent, byte[] Name)? missing);
            found?.Dispose();
            if (missing is not { } place)
            {
                return errno == Errno.None ? Errno.EEXIST : errno;
            }

            errno = OpenCanonical(caller, place.Parent, out Found? parent);
            if (errno != Errno.None)
            {
                return errno;
            }

            entry = new Entry(parent!.Release(), place.Name);
            return Errno.None;
        }
    }

    /// <summary>The open file of a caller's descriptor, or its working directory.</summary>
    public static FileDescriptor? OpenDescriptor(Tracee caller, int descriptor)
    {
        long opened = descriptor == Libc.AtFdCwd
            ? HostCall.Reopen(caller.Files.WorkingDirectory.Descriptor, OpenFlags.Path)
            : descriptor < 0 ? -(long)Errno.EBADF : HostCall.OpenOfThread(caller.ThreadId, descriptor);
        return opened >= 0 ? new FileDescriptor((int)opened) : null;
    }

    /// <summary>What the step calls a held file; null when it has no name there.</summary>
    public byte[]? NameOf(int descriptor) =>
        HostCall.PathOf(descriptor) is { } path && !path.AsSpan().EndsWith(" (deleted)"u8)
            ? mounts.ToGuest(path)
            : null;

    private static Errno OpenStartDescriptor(Tracee caller, int directory, out FileDescriptor? start)
    {
        start = OpenDescriptor(caller, directory);
        return start is null ? Errno.EBADF : Errno.None;
    }

    private Errno OpenStart(
        Tracee caller, int directory, ReadOnlySpan<byte> path, out FileDescriptor? start, out int from, out bool isPlain)
    {
        start = null;
        if (path[0] == '/')
        {
            from = mounts.Root.Handle.Value;
            isPlain = caller.Files.Root.Length == 0 && !mounts.Covers(path);
            return Errno.None;
        }

        if (directory == Libc.AtFdCwd)
        {
            from = caller.Files.WorkingDirectory.Descriptor;
            isPlain = !caller.Files.WorkingDirectory.IsSpecial && caller.Files.Root.Length == 0;
            return Errno.None;
        }

        isPlain = false;
        from = -1;
        Errno errno = OpenStartDescriptor(caller, directory, out start);
        if (errno != Errno.None)
        {
            return errno;
        }

        from = start!.Value;
        if (HostCall.Status(from, out FileStatus status) < 0 || !status.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        isPlain = !mounts.IsSpecial(status) && caller.Files.Root.Length == 0;
        return Errno.None;
    }

    // Absolute paths start at the step's root, which nothing leaves; relative ones are not left either: what would do so,
    // by ".." or an absolute link, is undecided.
    private static long OpenFast(int from, ReadOnlySpan<byte> path, bool follow)
    {
        int flags = OpenFlags.Path | (follow ? 0 : OpenFlags.NoFollow);
        if (path[0] != '/')
        {
            return HostCall.OpenResolved(from, path, flags, Libc.ResolveBeneath);
        }

        ReadOnlySpan<byte> rest = path.TrimStart((byte)'/');
        return HostCall.OpenResolved(from, rest.IsEmpty ? "."u8 : rest, flags, Libc.ResolveInRoot);
    }

    // The directory is there, it is no place of a mount, and it does not have the name.
    private bool IsMissing(int from, ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> trimmed = path.TrimEnd((byte)'/');
        int slash = trimmed.LastIndexOf((byte)'/');
        if (slash <= 0)
        {
            return slash < 0 ? IsMissingIn(from, trimmed) : IsMissingIn(mounts.Root.Handle.Value, trimmed[1..]);
        }

        long parent = OpenFast(from, path[..slash], follow: true);
        if (parent < 0)
        {
            return false;
        }

        using var directory = new FileDescriptor((int)parent);
        return IsMissingIn(parent, trimmed[(slash + 1)..]);
    }

    private bool IsMissingIn(long directory, ReadOnlySpan<byte> name) =>
        HostCall.Status((int)directory, out FileStatus status) == 0 && mounts.AtPlace(status) is null
        && HostCall.StatusAt((int)directory, name, out _) == -(long)Errno.ENOENT;

    private Errno Walk(
        Tracee caller, int from, ReadOnlySpan<byte> path, bool follow, out Found? found,
        out (byte[] Parent, byte[] Name)? missing)
    {
        found = null;
        missing = null;
        byte[] root = caller.Files.Root;
        byte[]? start = path[0] == '/' ? root : NameOf(from);
        if (start is null)
        {
            return StepUp(caller, from, path, follow, out found);
        }

        if (path[0] != '/' && access.Check(caller, from, Search) is var refused and not Errno.None)
        {
            return refused;
        }

        byte[] current = start is [(byte)'/'] ? [] : start;
        var pending = new Stack<byte[]>();
        Push(pending, path);
        int links = 0;
        while (pending.TryPop(out byte[]? name))
        {
            if (name.Length == 0 || name.AsSpan().SequenceEqual("."u8))
            {
                continue;
            }

            if (name.AsSpan().SequenceEqual(".."u8))
            {
                current = current.AsSpan().SequenceEqual(root)
                    ? current
                    : current[..Math.Max(current.AsSpan().LastIndexOf((byte)'/'), 0)];
                continue;
            }

            byte[] candidate = [.. current, (byte)'/', .. name];
            Errno errno = OpenCanonical(caller, candidate, out Found? file);
            if (errno != Errno.None)
            {
                missing = errno == Errno.ENOENT && pending.Count == 0 ? (current, name) : null;
                return errno;
            }

            bool isLast = pending.Count == 0;
            if (file!.Status.IsSymlink && (!isLast || follow))
            {
                using (file)
                {
                    if (++links > MaxLinks)
                    {
                        return Errno.ELOOP;
                    }

                    if (file.IsMagic && isLast)
                    {
                        return proc.Follow(candidate, out found);
                    }

                    byte[]? text = file.LinkText ?? HostCall.ReadLink(file.File, []);
                    if (text is null or [] || (file.IsMagic && text[0] != '/'))
                    {
                        return Errno.ENOENT;
                    }

                    current = text[0] == '/' ? root : current;
                    Push(pending, text);
                }

                continue;
            }

            if (isLast)
            {
                found = file;
                return Errno.None;
            }

            errno = !file.Status.IsDirectory
                ? Errno.ENOTDIR
                : access.Check(caller, file.File, file.Status, Search);
            file.Dispose();
            if (errno != Errno.None)
            {
                return errno;
            }

            current = candidate;
        }

        return OpenCanonical(caller, current, out found);
    }

    // A directory without a path: removed, or too deep for one. Its own ".." is in the root as long as it is not the root's.
    private Errno StepUp(Tracee caller, int from, ReadOnlySpan<byte> path, bool follow, out Found? found)
    {
        found = null;
        if (!path.StartsWith(".."u8) || (path.Length > 2 && path[2] != '/') || caller.Files.Root.Length > 0)
        {
            return Errno.ENOENT;
        }

        if (HostCall.Status(from, out FileStatus status) < 0 || mounts.IsTop(status))
        {
            return Errno.ENOENT;
        }

        long opened = HostCall.Open(from, ".."u8, OpenFlags.Path | OpenFlags.Directory);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        var parent = new FileDescriptor((int)opened);
        ReadOnlySpan<byte> rest = path[2..].TrimStart((byte)'/');
        if (rest.IsEmpty)
        {
            _ = HostCall.Status(parent.Value, out status);
            found = new Found(parent, status);
            return Errno.None;
        }

        using (parent)
        {
            long fast = OpenFast(parent.Value, rest, follow);
            if (fast < 0)
            {
                return fast == Undecided ? Walk(caller, parent.Value, rest, follow, out found, out _) : (Errno)(-fast);
            }

            var file = new FileDescriptor((int)fast);
            _ = HostCall.Status(file.Value, out status);
            found = new Found(file, status);
            return Errno.None;
        }
    }

    private static void Push(Stack<byte[]> pending, ReadOnlySpan<byte> path)
    {
        while (true)
        {
            int slash = path.LastIndexOf((byte)'/');
            pending.Push(path[(slash + 1)..].ToArray());
            if (slash < 0)
            {
                return;
            }

            path = path[..slash];
        }
    }

    // The path has no links in it, unless somebody puts one there meanwhile: then the kernel refuses.
    private Errno OpenCanonical(Tracee caller, byte[] path, out Found? found)
    {
        found = null;
        GuestMount mount = mounts.Find(path, out ReadOnlySpan<byte> rest);
        if (mount.IsProc && rest.Length > 0)
        {
            return proc.Open(caller, rest, out found);
        }

        long opened = rest.IsEmpty
            ? HostCall.Reopen(mount.Handle.Value, OpenFlags.Path)
            : HostCall.OpenResolved(
                mount.Handle.Value, rest, OpenFlags.Path | OpenFlags.NoFollow,
                Libc.ResolveBeneath | Libc.ResolveNoSymlinks);
        if (opened < 0)
        {
            return opened == -(long)Errno.EXDEV ? Errno.ENOENT : (Errno)(-opened);
        }

        var file = new FileDescriptor((int)opened);
        _ = HostCall.Status(file.Value, out FileStatus status);
        found = new Found(file, status);
        return Errno.None;
    }
}
