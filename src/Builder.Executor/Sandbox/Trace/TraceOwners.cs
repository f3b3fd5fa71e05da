// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Owners, modes and devices of a step's files. On disk all belong to this process, which keeps the right to read and
/// write them; what the step was told is in the records of <see cref="OwnerStore"/>.
/// </summary>
/// <param name="owners">The records.</param>
internal sealed class TraceOwners(OwnerStore owners)
{
    private const int OwnerReadWrite = 0b110_000_000;
    private const int OwnerAll = 0b111_000_000;
    private const int OwnerExecute = 0b001_000_000;
    private const int AnyExecute = 0b001_001_001;
    private const int SetIds = 0b110_000_000_000;
    private const int SetGroup = 0b010_000_000_000;
    private const int GroupExecute = 0b001_000;
    private const int PlainBits = 0b111_111_111;

    /// <summary>Whose process a file of /proc is about; null for all other files.</summary>
    public Func<int, FileStatus, FakeIdentity?> FindProcess { get; init; } = (_, _) => null;

    private readonly bool _isReal = owners.Mode is OwnershipMode.Native or OwnershipMode.SubIds;
    private readonly uint _user = Libc.GetEffectiveUserId();
    private readonly uint _group = Libc.GetEffectiveGroupId();

    /// <summary>True for files whose owner is this process: others belong to the machine and keep what they have.</summary>
    public bool IsOurs(in FileStatus status) => status.UserId == _user || _isReal;

    /// <summary>The disk holds every owner.</summary>
    public bool IsReal => _isReal;

    /// <summary>What a step sees of a file.</summary>
    public RecordedAttributes Read(int file, in FileStatus status) =>
        IsOutside(status)
            ? FindProcess(file, status) is { } identity
                ? RecordedAttributes.From(status) with
                {
                    UserId = identity.User.Effective,
                    GroupId = identity.Group.Effective,
                }
                : Seen(status)
            : IsOurs(status) && !_isReal && MayHaveRecord(file, status)
                ? owners.ReadHeld(file, status)
                : Seen(status);

    /// <summary>What a step sees of a file without a record.</summary>
    public RecordedAttributes Seen(in FileStatus status) => _isReal
        ? RecordedAttributes.From(status)
        : RecordedAttributes.From(status) with
        {
            UserId = status.UserId == _user ? 0 : status.UserId,

            // A volume's directories may give its group to all that is made in them (fsGroup of pods).
            GroupId = status.UserId == _user || status.GroupId == _group ? 0 : status.GroupId,
        };

    /// <summary>The mode that a file gets on disk.</summary>
    public int DiskMode(FileKind kind, int mode)
    {
        if (_isReal)
        {
            return mode;
        }

        if (kind == FileKind.Directory)
        {
            return (mode & PlainBits) | OwnerAll;
        }

        // A programme that any class may execute, root may.
        return (mode & PlainBits) | OwnerReadWrite | ((mode & AnyExecute) != 0 ? OwnerExecute : 0);
    }

    /// <summary>Makes a step see other attributes of a file.</summary>
    public Errno Write(int file, in FileStatus status, in RecordedAttributes wanted)
    {
        if (!IsOurs(status) || IsOutside(status))
        {
            return Errno.EPERM;
        }

        int diskMode = status.Permissions;
        if (_isReal && (status.UserId, status.GroupId) != (wanted.UserId, wanted.GroupId))
        {
            if (!AtCalls.RawChown(file, [], wanted.UserId, wanted.GroupId))
            {
                return Libc.LastErrno;
            }

            diskMode = -1; // set-id bits may be gone
        }

        if (!status.IsSymlink && wanted.Kind == status.Kind)
        {
            diskMode = DiskMode(status.Kind, wanted.Mode);
            if ((diskMode != status.Permissions || _isReal)
                && HostCall.AtHeld(CallNumbers.Chmodat, file, diskMode) is < 0 and long failure)
            {
                return (Errno)(-failure);
            }
        }

        if (_isReal)
        {
            return Errno.None;
        }

        bool recordMode = !status.IsSymlink && (diskMode != wanted.Mode || wanted.Kind != status.Kind);
        if (status.Kind is not (FileKind.Regular or FileKind.Directory))
        {
            if (recordMode || owners.ReadHeld(file, status) != (wanted with { Mode = diskMode }))
            {
                owners.RecordInTable(status.Inode, status.Birth, wanted, recordMode);
            }

            return Errno.None;
        }

        if (wanted is { UserId: 0, GroupId: 0 } && !recordMode)
        {
            if (MayHaveRecord(file, status))
            {
                OwnerStore.ForgetHeld(file);
            }

            return Errno.None;
        }

        return OwnerStore.RawRecordHeld(file, wanted, recordMode) ? Errno.None : Libc.LastErrno;
    }

    /// <summary>Gives a file that was just made its owner and mode.</summary>
    /// <param name="file">The file.</param>
    /// <param name="directory">Where it was made.</param>
    /// <param name="identity">Who made it.</param>
    /// <param name="mode">What mode it is to have; links have none.</param>
    /// <param name="device">What device it stands for, or null.</param>
    public Errno Begin(
        int file, int directory, FakeIdentity identity, int mode, (FileKind Kind, uint Major, uint Minor)? device = null)
    {
        if (HostCall.Status(file, out FileStatus status) < 0)
        {
            return Errno.ENOENT;
        }

        uint group = identity.Group.Effective;
        if (HostCall.Status(directory, out FileStatus parent) == 0 && Read(directory, parent) is { } holder
            && (holder.Mode & SetGroup) != 0)
        {
            group = holder.GroupId;
            mode |= status.IsDirectory ? SetGroup : 0;
        }

        var wanted = new RecordedAttributes(
            device?.Kind ?? status.Kind, status.IsSymlink ? status.Permissions : mode, identity.User.Effective, group,
            device?.Major ?? 0, device?.Minor ?? 0);
        RecordedAttributes seen = Seen(status);
        return device is not null || wanted.UserId != seen.UserId || wanted.GroupId != seen.GroupId || wanted.Mode != seen.Mode
            ? Write(file, status, wanted)
            : Errno.None;
    }

    /// <summary>chown(2): who may, and what becomes of the mode.</summary>
    public Errno Chown(int file, in FileStatus status, FakeIdentity identity, uint user, uint group)
    {
        const uint Unchanged = uint.MaxValue;
        RecordedAttributes before = Read(file, status);
        bool mayBe = identity.IsPrivileged || (user == Unchanged && group == Unchanged)
            || (before.UserId == identity.User.Effective
                && (user == Unchanged || user == before.UserId)
                && (group == Unchanged || group == identity.Group.Effective || identity.Groups.Contains(group)));
        if (!mayBe)
        {
            return Errno.EPERM;
        }

        // The kernel takes the set-id bits of programmes away.
        int cleared = status.IsRegular
            ? SetIds & ~((before.Mode & GroupExecute) == 0 ? SetGroup : 0)
            : 0;
        return Write(file, status, before with
        {
            UserId = user == Unchanged ? before.UserId : user,
            GroupId = group == Unchanged ? before.GroupId : group,
            Mode = before.Mode & ~cleared,
        });
    }

    /// <summary>chmod(2).</summary>
    public Errno Chmod(int file, in FileStatus status, FakeIdentity identity, int mode)
    {
        if (status.IsSymlink)
        {
            return Errno.ENOTSUP;
        }

        RecordedAttributes before = Read(file, status);
        return identity.IsPrivileged || before.UserId == identity.User.Effective
            ? Write(file, status, before with { Mode = mode & 0xFFF })
            : Errno.EPERM;
    }

    /// <summary>access(2): what a file's class of users lets somebody do; bits as for R_OK, W_OK, X_OK.</summary>
    public static bool MayAccess(in RecordedAttributes file, FakeIdentity identity, int wanted)
    {
        if (identity.User.Effective == 0)
        {
            return (wanted & 1) == 0 || file.Kind == FileKind.Directory || (file.Mode & AnyExecute) != 0;
        }

        int shift = file.UserId == identity.User.Effective ? 6
            : file.GroupId == identity.Group.Effective || identity.Groups.Contains(file.GroupId) ? 3 : 0;
        return (file.Mode >> shift & wanted) == wanted;
    }

    // Most files have none: asked without detours, because every stat(2) asks.
    private static unsafe bool MayHaveRecord(int file, in FileStatus status)
    {
        if (status.Kind is not (FileKind.Regular or FileKind.Directory))
        {
            return true;
        }

        fixed (byte* name = "user.bld.owner\0"u8)
        {
            return HostCall.OnHeld(CallNumbers.GetXattr, file, (nint)name, 0, 0) >= 0;
        }
    }

    // Device nodes, /proc and the like belong to this process at times, too, but take no records.
    private static bool IsOutside(in FileStatus status) =>
        status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice || status.HolderMajor == 0 && status.Birth.Seconds == 0;
}
