// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Executor.Sandbox;

/// <summary>A set of capabilities.</summary>
/// <param name="Bits">Bit n is capability n.</param>
public readonly record struct CapabilitySet(ulong Bits)
{
    /// <summary>None.</summary>
    public static CapabilitySet Empty => default;

    /// <summary>All that exist.</summary>
    public static CapabilitySet All => new((1UL << (int)Capability.CheckpointRestore << 1) - 1);

    /// <summary>What docker gives to a container.</summary>
    public static CapabilitySet Default => Of(
        Capability.Chown, Capability.DacOverride, Capability.Fowner, Capability.Fsetid, Capability.Kill,
        Capability.Setgid, Capability.Setuid, Capability.Setpcap, Capability.NetBindService, Capability.NetRaw,
        Capability.SysChroot, Capability.Mknod, Capability.AuditWrite, Capability.Setfcap);

    /// <summary>A set of some.</summary>
    public static CapabilitySet Of(params ReadOnlySpan<Capability> capabilities)
    {
        ulong bits = 0;
        foreach (Capability capability in capabilities)
        {
            bits |= 1UL << (int)capability;
        }

        return new CapabilitySet(bits);
    }

    /// <summary>A capability by name as <c>--cap-add</c> takes it: "net_admin", "CAP_NET_ADMIN"; null if unknown.</summary>
    public static Capability? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string plain = name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name[4..] : name;
        plain = plain.Replace("_", "", StringComparison.Ordinal);
        return !plain.Any(char.IsAsciiDigit) && Enum.TryParse(plain, ignoreCase: true, out Capability capability)
            ? capability
            : null;
    }

    /// <summary>The kernel's name of one: "CAP_NET_ADMIN".</summary>
    public static string NameOf(Capability capability)
    {
        var text = new StringBuilder("CAP");
        foreach (char c in capability.ToString())
        {
            text.Append(char.IsUpper(c) ? "_" : "").Append(char.ToUpperInvariant(c));
        }

        return text.ToString();
    }

    /// <summary>True when it is in the set.</summary>
    public bool Contains(Capability capability) => (Bits & (1UL << (int)capability)) != 0;

    /// <summary>This set and another together.</summary>
    public CapabilitySet With(CapabilitySet other) => new(Bits | other.Bits);

    /// <summary>This set without another.</summary>
    public CapabilitySet Without(CapabilitySet other) => new(Bits & ~other.Bits);
}
