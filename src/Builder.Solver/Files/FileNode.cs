// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Solver.Files;

/// <summary>What a file is.</summary>
public enum FileKind
{
    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Symlink,

    /// <summary>A character device.</summary>
    CharacterDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A named pipe.</summary>
    Fifo,

    /// <summary>A unix socket: never stored in a layer.</summary>
    Socket,
}

/// <summary>An extended attribute as the layer records it (<c>security.capability</c>, <c>user.x</c>).</summary>
public sealed record ExtendedAttribute(string Name, ImmutableArray<byte> Value);

/// <summary>
/// What a file tree says of one path, as the image sees it: owners and devices are the recorded ones even where the
/// disk could not hold them. Names are decoded by <see cref="PathEncoding"/>.
/// </summary>
public sealed record FileNode
{
    /// <summary>The last component; empty for the root.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required FileKind Kind { get; init; }

    /// <summary>Permission, set-id and sticky bits: 0 to 07777.</summary>
    public required int Mode { get; init; }

    /// <summary>Owner.</summary>
    public required uint UserId { get; init; }

    /// <summary>Group.</summary>
    public required uint GroupId { get; init; }

    /// <summary>Length of a regular file in bytes, else 0.</summary>
    public long Size { get; init; }

    /// <summary>Seconds since 1970; may be negative.</summary>
    public long ModifiedSeconds { get; init; }

    /// <summary>Nanoseconds within the second.</summary>
    public int ModifiedNanoseconds { get; init; }

    /// <summary>Text of a symbolic link, verbatim.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>Device numbers of device nodes.</summary>
    public uint DeviceMajor { get; init; }

    /// <inheritdoc cref="DeviceMajor"/>
    public uint DeviceMinor { get; init; }

    /// <summary>
    /// Equal for names of one file (hard links) within one tree and only for those; null when it has one name.
    /// </summary>
    public string? HardLinkKey { get; init; }

    /// <summary>Attributes that belong into a layer, sorted by name.</summary>
    public ImmutableArray<ExtendedAttribute> Xattrs { get; init; } = [];
}
