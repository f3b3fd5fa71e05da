// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>The chown family and mknod of devices: recorded instead of done.</summary>
/// <param name="paths">Finds what paths mean.</param>
/// <param name="table">Who the callers are.</param>
/// <param name="owners">The layer's records; symbolic links are recorded in its table.</param>
/// <param name="upper">The overlay's upper directory.</param>
internal sealed class OwnerCalls(TraceePaths paths, IdentityTable table, OwnerStore owners, string upper) : IDisposable
{
    private const uint Unchanged = uint.MaxValue;
    private const int DeviceMode = 0b110_000_000;

    private readonly FileDescriptor _upper = AtCalls.Open(upper, OpenFlags.Path | OpenFlags.Directory);

    /// <summary>chown(2), lchown(2), fchownat(2).</summary>
    public Answer Chown(in Notification call, int directory, ulong address, uint user, uint group, int flags)
    {
        if (TraceeMemory.ReadPath(call.ThreadId, address) is not { } path)
        {
            return Answer.Continue;
        }

        using FileDescriptor? file = path.Length == 0 && (flags & Libc.AtEmptyPath) != 0
            ? TraceePaths.OpenDescriptor(call.ThreadId, directory)
            : paths.Resolve(call.ThreadId, directory, path, (flags & Libc.AtSymlinkNoFollow) == 0);
        return file is null ? Answer.Continue : Record(call, file, user, group);
    }

    /// <summary>fchown(2).</summary>
    public Answer ChownDescriptor(in Notification call)
    {
        using FileDescriptor? file = TraceePaths.OpenDescriptor(call.ThreadId, (int)call.A0);
        return file is null ? Answer.Continue : Record(call, file, (uint)call.A1, (uint)call.A2);
    }

    /// <summary>mknod(2), mknodat(2) of a device: an empty file stands for it.</summary>
    public Answer MakeDevice(in Notification call, int directory, ulong address, uint mode, ulong device)
    {
        if (!table.Find(call.ThreadId).IsPrivileged)
        {
            return FakeIdentity.Refused;
        }

        if (TraceeMemory.ReadPath(call.ThreadId, address) is not { } path)
        {
            return Answer.Fail(Errno.EFAULT);
        }

        using FileDescriptor? parent = paths.ResolveParent(call.ThreadId, directory, path, out byte[] name);
        if (parent is null)
        {
            return Answer.Fail(Errno.ENOENT);
        }

        int descriptor = AtCalls.RawOpen(
            parent.Value, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, DeviceMode);
        if (descriptor < 0)
        {
            return Answer.Fail(AtCalls.LastError());
        }

        using var file = new FileDescriptor(descriptor);
        var wanted = new RecordedAttributes(
            (mode & FileType.Mask) == FileType.BlockDevice ? FileKind.BlockDevice : FileKind.CharacterDevice,
            (int)(mode & ~(uint)TraceeUmask.Read(call.ThreadId) & 0xFFF), 0, 0, Major(device), Minor(device));
        return OwnerStore.RawRecordHeld(file.Value, wanted, recordMode: true)
            ? Answer.Success
            : Answer.Fail(AtCalls.LastError());
    }

    /// <inheritdoc/>
    public void Dispose() => _upper.Dispose();

    /// <summary>Records the owner of a file that was just made.</summary>
    public void RecordNew(FileDescriptor file, uint user, uint group)
    {
        if (AtCalls.TryStat(file.Value, [], out FileStatus status))
        {
            Write(file, status, RecordedAttributes.From(status) with { UserId = user, GroupId = group });
        }
    }

    private Answer Record(in Notification call, FileDescriptor file, uint user, uint group)
    {
        if (!table.Find(call.ThreadId).IsPrivileged)
        {
            return RecordAsOwner(call, file, user, group);
        }

        // A real change of nothing: overlayfs copies the file up, and set-id bits go as they would.
        if (!AtCalls.RawChown(file.Value, [], Unchanged, Unchanged))
        {
            return Answer.Fail(AtCalls.LastError());
        }

        if (!AtCalls.TryStat(file.Value, [], out FileStatus status))
        {
            return Answer.Continue;
        }

        RecordedAttributes? known = OwnerStore.FindHeld(file.Value, status);
        RecordedAttributes before = known ?? (RecordedAttributes.From(status) with { UserId = 0, GroupId = 0 });
        RecordedAttributes wanted = before with
        {
            UserId = user == Unchanged ? before.UserId : user,
            GroupId = group == Unchanged ? before.GroupId : group,
        };
        if (known is null && wanted is { UserId: 0, GroupId: 0 } && status.Kind is FileKind.Regular or FileKind.Directory)
        {
            return Answer.Success; // what the disk says
        }

        return Write(file, status, wanted) ? Answer.Success : Answer.Fail(AtCalls.LastError());
    }

    // Not root: the owner may give a file to one of his groups only; anything else is refused.
    private Answer RecordAsOwner(in Notification call, FileDescriptor file, uint user, uint group)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        if (!AtCalls.TryStat(file.Value, [], out FileStatus status))
        {
            return Answer.Continue;
        }

        RecordedAttributes before = OwnerStore.FindHeld(file.Value, status)
            ?? (RecordedAttributes.From(status) with { UserId = 0, GroupId = 0 });
        bool mayBe = before.UserId == identity.User.Effective
            && (user == Unchanged || user == before.UserId)
            && (group == Unchanged || group == identity.Group.Effective || identity.Groups.Contains(group));
        if (!mayBe)
        {
            return FakeIdentity.Refused;
        }

        return group == Unchanged || Write(file, status, before with { GroupId = group })
            ? Answer.Success
            : Answer.Fail(AtCalls.LastError());
    }

    private bool Write(FileDescriptor file, in FileStatus status, in RecordedAttributes wanted)
    {
        if (status.Kind is FileKind.Regular or FileKind.Directory)
        {
            return OwnerStore.RawRecordHeld(file.Value, wanted, recordMode: wanted.Kind != status.Kind);
        }

        // Links and fifos take no attribute: their copy in the upper is recorded by its own inode.
        if (TraceePaths.PathOf(file) is { } path
            && AtCalls.TryStat(_upper.Value, PathEncoding.Encode(path.TrimStart('/')), out FileStatus own)
            && own.Kind == status.Kind)
        {
            owners.RecordInTable(own.Inode, own.Birth, wanted, recordMode: false);
        }

        return true;
    }

    // Source: the kernel's new_decode_dev.
    private static uint Major(ulong device) => (uint)(device >> 8) & 0xFFF;

    private static uint Minor(ulong device) => (uint)(device & 0xFF) | (uint)((device >> 12) & 0xFFF00);
}
