// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>Answers who a process is, and lets it become somebody else. Source: credentials(7).</summary>
internal sealed class IdentityCalls(IIdentityTable table, SeccompListener listener)
{
    private const int MaxGroups = 65536;

    private int _initialThread;

    /// <summary>The process that sets the container up: its first capset(2) is ours and is executed.</summary>
    public void BeginWith(int threadId) => _initialThread = threadId;

    /// <summary>The get calls that give a value.</summary>
    public Answer Get(in Notification call, Func<FakeIdentity, uint> select)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        return identity.OwnsFiles || !table.IsTrivial ? Answer.Of(select(identity)) : Answer.Continue;
    }

    /// <summary>getresuid(2), getresgid(2).</summary>
    public Answer GetTriple(in Notification call, Func<FakeIdentity, IdTriple> select)
    {
        IdTriple triple = select(table.Find(call.ThreadId));
        ReadOnlySpan<ulong> addresses = [call.A0, call.A1, call.A2];
        ReadOnlySpan<uint> values = [triple.Real, triple.Effective, triple.Saved];
        for (int i = 0; i < values.Length; i++)
        {
            uint value = values[i];
            if (!TraceeMemory.TryWrite(call.ThreadId, addresses[i], MemoryMarshal.AsBytes(new Span<uint>(ref value))))
            {
                return Answer.Fail(Errno.EFAULT);
            }
        }

        return Answer.Success;
    }

    /// <summary>getgroups(2). The kernel would show the outside groups, which it cannot map.</summary>
    public Answer GetGroups(in Notification call)
    {
        ImmutableArray<uint> groups = table.Find(call.ThreadId).Groups;
        int size = (int)call.A0;
        if (size == 0)
        {
            return Answer.Of(groups.Length);
        }

        if (size < groups.Length)
        {
            return Answer.Fail(Errno.EINVAL);
        }

        uint[] copy = [.. groups];
        return copy.Length == 0 || TraceeMemory.TryWrite(call.ThreadId, call.A1, MemoryMarshal.AsBytes(copy.AsSpan()))
            ? Answer.Of(copy.Length)
            : Answer.Fail(Errno.EFAULT);
    }

    /// <summary>setgroups(2).</summary>
    public Answer SetGroups(in Notification call)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        if (!identity.IsPrivileged)
        {
            return FakeIdentity.Refused;
        }

        if (call.A0 > MaxGroups)
        {
            return Answer.Fail(Errno.EINVAL);
        }

        uint[] groups = new uint[(int)call.A0];
        if (groups.Length > 0
            && !TraceeMemory.TryRead(call.ThreadId, call.A1, MemoryMarshal.AsBytes(groups.AsSpan())))
        {
            return Answer.Fail(Errno.EFAULT);
        }

        return Become(call, identity, identity with { Groups = [.. groups] });
    }

    /// <summary>The set*uid calls.</summary>
    public Answer SetUser(in Notification call, Func<FakeIdentity, IdTriple?> change)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        return change(identity) is { } triple
            ? Become(call, identity, identity with { User = triple })
            : FakeIdentity.Refused;
    }

    /// <summary>The set*gid calls.</summary>
    public Answer SetGroup(in Notification call, Func<FakeIdentity, IdTriple?> change)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        return change(identity) is { } triple
            ? Become(call, identity, identity with { Group = triple })
            : FakeIdentity.Refused;
    }

    /// <summary>prctl(PR_SET_KEEPCAPS): the process may still change its ids after it has left root.</summary>
    public Answer KeepCapabilities(in Notification call)
    {
        FakeIdentity identity = table.Find(call.ThreadId);
        Become(call, identity, identity with { KeepsCapabilities = call.A1 != 0 && identity.IsPrivileged });
        return Answer.Continue;
    }

    /// <summary>capset(2): the kernel's capabilities stay, what a process gave up it does not miss.</summary>
    public Answer SetCapabilities(in Notification call)
    {
        if (call.ThreadId == _initialThread)
        {
            _initialThread = 0;
            return Answer.Continue;
        }

        return Answer.Success;
    }

    /// <summary>setsid(2): a daemon leaves its parent, from which its identity would be known.</summary>
    public Answer StartSession(in Notification call)
    {
        if (!table.IsTrivial)
        {
            FakeIdentity identity = table.Find(call.ThreadId);
            if (identity != table.Initial)
            {
                table.Set(call.ThreadId, identity);
            }
        }

        return Answer.Continue;
    }

    private Answer Become(in Notification call, FakeIdentity before, FakeIdentity after)
    {
        bool isSame = before.User == after.User && before.Group == after.Group
            && before.KeepsCapabilities == after.KeepsCapabilities
            && before.Groups.AsSpan().SequenceEqual(after.Groups.AsSpan());
        if (!isSame && listener.IsWaiting(call))
        {
            table.Set(call.ThreadId, after);
        }

        return Answer.Success;
    }
}
