// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>Real, effective, saved and file-system id of one kind. Source: credentials(7).</summary>
internal readonly record struct IdTriple(uint Real, uint Effective, uint Saved)
{
    private const uint Unchanged = uint.MaxValue;

    /// <summary>All the same.</summary>
    public static IdTriple Of(uint id) => new(id, id, id);

    /// <summary>setuid(2), setgid(2).</summary>
    public IdTriple? Set(uint id, bool isPrivileged) =>
        isPrivileged ? Of(id) : Has(id) ? this with { Effective = id } : null;

    /// <summary>setreuid(2), setregid(2).</summary>
    public IdTriple? SetRealEffective(uint real, uint effective, bool isPrivileged)
    {
        if (!isPrivileged
            && ((real != Unchanged && real != Real && real != Effective)
                || (effective != Unchanged && !Has(effective))))
        {
            return null;
        }

        uint newEffective = effective == Unchanged ? Effective : effective;
        bool changesSaved = real != Unchanged || (effective != Unchanged && effective != Real);
        return new IdTriple(real == Unchanged ? Real : real, newEffective, changesSaved ? newEffective : Saved);
    }

    /// <summary>setresuid(2), setresgid(2).</summary>
    public IdTriple? SetAll(uint real, uint effective, uint saved, bool isPrivileged)
    {
        foreach (uint id in (ReadOnlySpan<uint>)[real, effective, saved])
        {
            if (!isPrivileged && id != Unchanged && !Has(id))
            {
                return null;
            }
        }

        return new IdTriple(
            real == Unchanged ? Real : real,
            effective == Unchanged ? Effective : effective,
            saved == Unchanged ? Saved : saved);
    }

    private bool Has(uint id) => id == Real || id == Effective || id == Saved;
}

/// <summary>Who a process believes it is.</summary>
internal sealed record FakeIdentity(IdTriple User, IdTriple Group, ImmutableArray<uint> Groups, bool KeepsCapabilities)
{
    /// <summary>The identity of a user.</summary>
    public static FakeIdentity Of(SandboxUser user) =>
        new(IdTriple.Of(user.UserId), IdTriple.Of(user.GroupId), user.Groups, KeepsCapabilities: false);

    /// <summary>It may become anybody.</summary>
    public bool IsPrivileged => User.Effective == 0 || KeepsCapabilities;

    /// <summary>New files are its own and not root's.</summary>
    public bool OwnsFiles => User.Effective != 0 || Group.Effective != 0;

    /// <summary>EPERM.</summary>
    public static Answer Refused => Answer.Fail(Errno.EPERM);
}
