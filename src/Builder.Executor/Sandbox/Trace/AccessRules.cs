// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// What processes that are not root may do with files, by the owners and modes that the step sees: on the disk this process
/// may do everything with all of them. Source: path_resolution(7). Root may do everything, at no cost.
/// </summary>
internal sealed class AccessRules(GuestMounts mounts, TraceOwners owners)
{
    private const int Execute = 1;
    private const int WriteBit = 2;
    private const int ReadWrite = 6;
    private const int AnyExecute = 0b001_001_001;
    private const int Sticky = 0b001_000_000_000;
    private const int SetUser = 0b100_000_000_000;
    private const int MaxKnown = 10_000;

    // By the machine's path of a directory: it and those above it that not everybody may search.
    private readonly Dictionary<string, Restriction[]> _restrictions = new(StringComparer.Ordinal);

    private readonly record struct Restriction(int Length, RecordedAttributes Attributes);

    /// <summary>True when nothing needs to be asked.</summary>
    public static bool IsRoot(Tracee caller) => caller.Process.Identity.User.Effective == 0;

    /// <summary>Forgets what is known of directories: one of them has another owner, mode or name.</summary>
    public void Forget() => _restrictions.Clear();

    /// <summary>Asks for reading (4), writing (2), executing or searching (1) of a held file.</summary>
    public Errno Check(Tracee caller, int file, int wanted)
    {
        if (IsRoot(caller) || HostCall.Status(file, out FileStatus status) < 0)
        {
            return Errno.None;
        }

        return Check(caller, file, status, wanted);
    }

    /// <summary>Asks for a held file whose status is known.</summary>
    public Errno Check(Tracee caller, int file, in FileStatus status, int wanted) =>
        IsRoot(caller) || TraceOwners.MayAccess(owners.Read(file, status), caller.Process.Identity, wanted)
            ? Errno.None
            : Errno.EACCES;

    /// <summary>True when somebody owns a file, or is root.</summary>
    public bool Owns(Tracee caller, int file, in FileStatus status) =>
        IsRoot(caller) || owners.Read(file, status).UserId == caller.Process.Identity.User.Effective;

    /// <summary>Asks for searching the directories that a path without links leads through.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="from">Where a relative path started; -1 for absolute ones.</param>
    /// <param name="file">Where it leads.</param>
    public Errno CheckSearch(Tracee caller, int from, int file)
    {
        if (IsRoot(caller) || HostCall.PathOf(file) is not { } path || mounts.FindHost(path) is not { } mount
            || path.Length <= mount.HostPath.Length)
        {
            return Errno.None;
        }

        int start = from < 0 ? 0 : HostCall.PathOf(from)?.Length ?? 0;
        ReadOnlySpan<byte> directory = path.AsSpan(0, path.AsSpan().LastIndexOf((byte)'/'));
        foreach (Restriction restriction in RestrictionsOf(Encoding.Latin1.GetString(directory), mount))
        {
            if (restriction.Length >= start
                && !TraceOwners.MayAccess(restriction.Attributes, caller.Process.Identity, Execute))
            {
                return Errno.EACCES;
            }
        }

        return Errno.None;
    }

    /// <summary>Asks for making a name.</summary>
    public Errno CheckMaking(Tracee caller, Entry entry) =>
        IsRoot(caller) ? Errno.None
        : Check(caller, entry.Directory, Execute) is var hidden and not Errno.None ? hidden
        : HostCall.StatusAt(entry.Directory, entry.Name, out _) == 0 ? Errno.EEXIST
        : Check(caller, entry.Directory, WriteBit);

    /// <summary>Asks for removing a name, or putting another file in its place.</summary>
    public Errno CheckRemoval(Tracee caller, Entry entry)
    {
        if (IsRoot(caller) || entry.Name.AsSpan().SequenceEqual("."u8) || entry.Name.AsSpan().SequenceEqual(".."u8))
        {
            return Errno.None; // the kernel refuses those names to everybody
        }

        Errno errno = Check(caller, entry.Directory, Execute);
        if (errno != Errno.None)
        {
            return errno;
        }

        long opened = HostCall.Open(entry.Directory, entry.Name, OpenFlags.Path | OpenFlags.NoFollow);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        using var file = new FileDescriptor((int)opened);
        errno = Check(caller, entry.Directory, WriteBit);
        if (errno != Errno.None || HostCall.Status(entry.Directory, out FileStatus directory) < 0
            || HostCall.Status(file.Value, out FileStatus status) < 0)
        {
            return errno;
        }

        RecordedAttributes holder = owners.Read(entry.Directory, directory);
        return (holder.Mode & Sticky) == 0 || holder.UserId == caller.Process.Identity.User.Effective
            || Owns(caller, file.Value, status)
            ? Errno.None
            : Errno.EPERM;
    }

    /// <summary>Asks for moving a name elsewhere: a directory's ".." changes with it.</summary>
    public Errno CheckMove(Tracee caller, Entry source, Entry target)
    {
        if (IsRoot(caller))
        {
            return Errno.None;
        }

        Errno errno = CheckRemoval(caller, source);
        errno = errno != Errno.None ? errno : CheckRemoval(caller, target);
        errno = errno == Errno.ENOENT && HostCall.StatusAt(source.Directory, source.Name, out _) == 0
            ? Check(caller, target.Directory, WriteBit | Execute)
            : errno;
        if (errno != Errno.None || HostCall.StatusAt(source.Directory, source.Name, out FileStatus moved) < 0
            || !moved.IsDirectory || HostCall.Status(source.Directory, out FileStatus from) < 0
            || HostCall.Status(target.Directory, out FileStatus to) < 0 || from.Inode == to.Inode)
        {
            return errno;
        }

        long opened = HostCall.Open(source.Directory, source.Name, OpenFlags.Path | OpenFlags.NoFollow);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        using var directory = new FileDescriptor((int)opened);
        return Check(caller, directory.Value, moved, WriteBit);
    }

    /// <summary>Asks for a second name of a file. Source: fs.protected_hardlinks in proc_sys_fs(5).</summary>
    public Errno CheckLink(Tracee caller, int file, in FileStatus status)
    {
        if (IsRoot(caller) || Owns(caller, file, status))
        {
            return Errno.None;
        }

        return status.IsRegular && (owners.Read(file, status).Mode & SetUser) == 0
            && Check(caller, file, status, ReadWrite) == Errno.None
            ? Errno.None
            : Errno.EPERM;
    }

    private Restriction[] RestrictionsOf(string directory, GuestMount mount)
    {
        if (_restrictions.TryGetValue(directory, out Restriction[]? known))
        {
            return known;
        }

        Restriction[] above = directory.Length <= mount.HostPath.Length
            ? []
            : RestrictionsOf(directory[..directory.LastIndexOf('/')], mount);
        long opened = HostCall.Open(
            AtCalls.CurrentDirectory, Encoding.Latin1.GetBytes(directory), OpenFlags.Path | OpenFlags.NoFollow);
        if (opened < 0)
        {
            return above;
        }

        using var file = new FileDescriptor((int)opened);
        _ = HostCall.Status(file.Value, out FileStatus status);
        RecordedAttributes attributes = owners.Read(file.Value, status);
        if (_restrictions.Count >= MaxKnown)
        {
            _restrictions.Clear();
        }

        return _restrictions[directory] = (attributes.Mode & AnyExecute) == AnyExecute
            ? above
            : [.. above, new Restriction(directory.Length, attributes)];
    }
}
