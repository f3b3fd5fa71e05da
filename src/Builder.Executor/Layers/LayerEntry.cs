// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// One entry of a layer. Paths are bytes, relative to the root, without leading or trailing '/', without "." and "..".
/// </summary>
internal sealed record LayerEntry
{
    /// <summary>The path; empty is the root.</summary>
    public required byte[] Path { get; init; }

    /// <summary>What it is; another name of an earlier file has that file's kind and <see cref="HardLinkTo"/>.</summary>
    public required FileKind Kind { get; init; }

    /// <summary>Permission, set-id and sticky bits.</summary>
    public required int Mode { get; init; }

    /// <summary>Owner.</summary>
    public uint UserId { get; init; }

    /// <summary>Group.</summary>
    public uint GroupId { get; init; }

    /// <summary>Length of a regular file; for a sparse one with its holes.</summary>
    public long Size { get; init; }

    /// <summary>Modification time, seconds since 1970; may be negative.</summary>
    public long ModifiedSeconds { get; init; }

    /// <summary>Nanoseconds within the second.</summary>
    public int ModifiedNanoseconds { get; init; }

    /// <summary>Text of a symbolic link, verbatim.</summary>
    public byte[]? LinkTarget { get; init; }

    /// <summary>Path of the earlier entry of which this is another name; such an entry has no content.</summary>
    public byte[]? HardLinkTo { get; init; }

    /// <summary>Numbers of a device node.</summary>
    public uint DeviceMajor { get; init; }

    /// <inheritdoc cref="DeviceMajor"/>
    public uint DeviceMinor { get; init; }

    /// <summary>Extended attributes; the writer sorts them.</summary>
    public ImmutableArray<ExtendedAttribute> Xattrs { get; init; } = [];

    /// <summary>True for a regular file that has content of its own.</summary>
    public bool HasContent => Kind == FileKind.Regular && HardLinkTo is null;

    /// <summary>An entry from the solver's form.</summary>
    /// <param name="path">Where it goes, relative.</param>
    /// <param name="node">What the layer says of it.</param>
    /// <param name="hardLinkTo">Path of the earlier entry of which it is another name, or null.</param>
    public static LayerEntry From(string path, FileNode node, string? hardLinkTo = null) => new()
    {
        Path = PathEncoding.Encode(path),
        Kind = node.Kind,
        Mode = node.Mode,
        UserId = node.UserId,
        GroupId = node.GroupId,
        Size = node.Kind == FileKind.Regular && hardLinkTo is null ? node.Size : 0,
        ModifiedSeconds = node.ModifiedSeconds,
        ModifiedNanoseconds = node.ModifiedNanoseconds,
        LinkTarget = node.LinkTarget is null ? null : PathEncoding.Encode(node.LinkTarget),
        HardLinkTo = hardLinkTo is null ? null : PathEncoding.Encode(hardLinkTo),
        DeviceMajor = node.DeviceMajor,
        DeviceMinor = node.DeviceMinor,
        Xattrs = node.Xattrs,
    };
}
