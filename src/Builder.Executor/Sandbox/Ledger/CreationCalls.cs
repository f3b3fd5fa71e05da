// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>
/// New files, directories and links of processes that believe not to be root: made here, so that their owner can be
/// recorded. Others go through to the kernel.
/// </summary>
internal sealed class CreationCalls(
    TraceePaths paths, IdentityTable table, OwnerCalls owners, SeccompListener listener)
{
    private const int CreatFlags = OpenFlags.Create | OpenFlags.WriteOnly | OpenFlags.Truncate;

    /// <summary>open(2), openat(2), creat(2) with O_CREAT.</summary>
    public Answer Open(in Notification call, int directory, ulong address, int flags, uint mode)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        if (!identity.OwnsFiles || TraceeMemory.ReadPath(call.ThreadId, address) is not { } path)
        {
            return Answer.Continue;
        }

        using FileDescriptor? parent = paths.ResolveParent(call.ThreadId, directory, path, out byte[] name);
        if (parent is null || AtCalls.TryStat(parent.Value, name, out _))
        {
            return Answer.Continue; // it is there already, or the kernel knows why it cannot be
        }

        int descriptor = AtCalls.RawOpen(
            parent.Value, name, flags | OpenFlags.Exclusive, (int)mode & ~TraceeUmask.Read(call.ThreadId));
        if (descriptor < 0)
        {
            return AtCalls.LastError() == Errno.EEXIST ? Answer.Continue : Answer.Fail(AtCalls.LastError());
        }

        using var file = new FileDescriptor(descriptor);
        owners.RecordNew(file, identity.User.Effective, identity.Group.Effective);
        return listener.TryRespondWith(call, descriptor, (flags & OpenFlags.CloseOnExec) != 0)
            ? Answer.Given
            : (flags & OpenFlags.Exclusive) == 0 ? Answer.Continue : Answer.Fail(Errno.EMFILE);
    }

    /// <summary>creat(2).</summary>
    public Answer Create(in Notification call) => Open(call, Libc.AtFdCwd, call.A0, CreatFlags, (uint)call.A1);

    /// <summary>mkdir(2), mkdirat(2).</summary>
    public Answer MakeDirectory(in Notification call, int directory, ulong address, uint mode)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        if (!identity.OwnsFiles || TraceeMemory.ReadPath(call.ThreadId, address) is not { } path)
        {
            return Answer.Continue;
        }

        using FileDescriptor? parent = paths.ResolveParent(call.ThreadId, directory, path, out byte[] name);
        if (parent is null || AtCalls.TryStat(parent.Value, name, out _))
        {
            return Answer.Continue;
        }

        AtCalls.MakeDirectory(parent.Value, name, (int)mode & ~TraceeUmask.Read(call.ThreadId));
        RecordNew(parent, name, identity);
        return Answer.Success;
    }

    /// <summary>symlink(2), symlinkat(2).</summary>
    public Answer MakeLink(in Notification call, ulong target, int directory, ulong address)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        if (!identity.OwnsFiles
            || TraceeMemory.ReadPath(call.ThreadId, target) is not { Length: > 0 } text
            || TraceeMemory.ReadPath(call.ThreadId, address) is not { } path)
        {
            return Answer.Continue;
        }

        using FileDescriptor? parent = paths.ResolveParent(call.ThreadId, directory, path, out byte[] name);
        if (parent is null || AtCalls.TryStat(parent.Value, name, out _))
        {
            return Answer.Continue;
        }

        AtCalls.Symlink(text, parent.Value, name);
        RecordNew(parent, name, identity);
        return Answer.Success;
    }

    private void RecordNew(FileDescriptor parent, byte[] name, FakeIdentity identity)
    {
        int descriptor = AtCalls.RawOpen(parent.Value, name, OpenFlags.Path | OpenFlags.NoFollow, 0);
        if (descriptor >= 0)
        {
            using var made = new FileDescriptor(descriptor);
            owners.RecordNew(made, identity.User.Effective, identity.Group.Effective);
        }
    }
}
