// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// Which attributes pass between a layer and the disk. Into a layer go <c>user.*</c> and <c>security.capability</c>;
/// from a layer everything but what steers overlayfs or bld itself. What this process may not set is kept under
/// <c>user.bld.xattr.NAME</c> and read back under its own name.
/// </summary>
internal static class LayerXattrs
{
    /// <summary>File capabilities.</summary>
    public const string Capability = "security.capability";

    private const string UserPrefix = "user.";
    private const string OwnPrefix = "user.bld.";
    private const string ShadowPrefix = "user.bld.xattr.";

    // struct vfs_cap_data: magic and flags 4, two pairs of permitted and inheritable 16; v3 adds the root id, 4.
    // Source: linux/capability.h.
    private const int CapabilityV2Bytes = 4 + 16;
    private const int CapabilityV3Bytes = CapabilityV2Bytes + 4;
    private const byte CapabilityVersionOffset = 3;
    private const byte CapabilityVersion2 = 2;
    private const byte CapabilityVersion3 = 3;

    /// <summary>True for an attribute that a layer from outside must not bring in.</summary>
    public static bool IsForeign(string name) =>
        name.StartsWith(OwnPrefix, StringComparison.Ordinal) || IsOverlay(name);

    /// <summary>True for overlayfs' own marks.</summary>
    public static bool IsOverlay(string name) =>
        name.StartsWith("trusted.overlay.", StringComparison.Ordinal)
        || name.StartsWith("user.overlay.", StringComparison.Ordinal);

    /// <summary>The name under which an attribute is kept that this process may not set.</summary>
    public static string ShadowNameOf(string name) => ShadowPrefix + name;

    /// <summary>The name by which the image knows an attribute of the disk; null when it does not.</summary>
    public static string? VisibleName(string stored) =>
        stored.StartsWith(ShadowPrefix, StringComparison.Ordinal) ? stored[ShadowPrefix.Length..]
        : IsForeign(stored) ? null
        : stored;

    /// <summary>The attributes of a file as a layer records them, sorted by name.</summary>
    public static ImmutableArray<ExtendedAttribute> Read(int directory, ReadOnlySpan<byte> name)
    {
        List<string> names = Xattrs.List(directory, name);
        if (names.Count == 0)
        {
            return [];
        }

        var found = new SortedDictionary<string, ImmutableArray<byte>>(StringComparer.Ordinal);
        foreach (string stored in names)
        {
            bool isShadow = stored.StartsWith(ShadowPrefix, StringComparison.Ordinal);
            string key = isShadow ? stored[ShadowPrefix.Length..] : stored;
            bool isWanted = string.Equals(key, Capability, StringComparison.Ordinal)
                || (key.StartsWith(UserPrefix, StringComparison.Ordinal) && !IsForeign(key)) || isShadow;
            if (isWanted && Xattrs.Get(directory, name, stored) is { } value)
            {
                found[key] = [.. string.Equals(key, Capability, StringComparison.Ordinal) ? ToVersion2(value) : value];
            }
        }

        return found.Count == 0 ? [] : [.. found.Select(pair => new ExtendedAttribute(pair.Key, pair.Value))];
    }

    /// <summary>Gives a file the attributes of its layer entry; last, because a change of owner drops capabilities.</summary>
    public static void Apply(int directory, ReadOnlySpan<byte> name, LayerEntry entry)
    {
        foreach (ExtendedAttribute attribute in entry.Xattrs)
        {
            if (IsForeign(attribute.Name))
            {
                continue;
            }

            if (Xattrs.RawSet(directory, name, attribute.Name, attribute.Value.AsSpan())
                || Xattrs.RawSet(directory, name, ShadowPrefix + attribute.Name, attribute.Value.AsSpan()))
            {
                continue;
            }

            // Neither the attribute nor its shadow: a symbolic link, or a file system without attributes. Only a lost
            // capability changes what the image does.
            Errno errno = AtCalls.LastError();
            if (errno is not (Errno.ENOTSUP or Errno.EPERM or Errno.EACCES)
                || string.Equals(attribute.Name, Capability, StringComparison.Ordinal))
            {
                throw new LinuxException(
                    $"set attribute {attribute.Name} of", errno, AtCalls.Describe(directory, name));
            }
        }
    }

    /// <summary>A capability as the initial user namespace writes it: version 3 carries the root id of the namespace
    /// that made it, which means nothing elsewhere.</summary>
    internal static byte[] ToVersion2(byte[] value)
    {
        if (value.Length != CapabilityV3Bytes || value[CapabilityVersionOffset] != CapabilityVersion3)
        {
            return value;
        }

        byte[] result = value[..CapabilityV2Bytes];
        result[CapabilityVersionOffset] = CapabilityVersion2;
        return result;
    }
}
