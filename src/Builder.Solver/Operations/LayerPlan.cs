// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Solver.Operations;

/// <summary>
/// The content of a layer, entry by entry, sorted by the bytes of the path: each path once, parents before children,
/// every parent directory present. It holds nothing that depends on the host.
/// </summary>
/// <param name="Entries">What the layer holds.</param>
/// <param name="Similar">An earlier layer that probably shares files with this one (the previous build's), or null.</param>
public sealed record LayerPlan(ImmutableArray<LayerPlanEntry> Entries, DiffId? Similar = null);

/// <summary>One entry: where it goes, what the layer says of it, where its bytes come from.</summary>
/// <param name="Path">The path in the image, relative, without leading '/'.</param>
/// <param name="Node">Kind, mode, owner, times, link text and attributes as the layer records them.</param>
/// <param name="Content">Where a regular file's bytes come from; null for anything else.</param>
/// <param name="HardLinkTo">The path of an earlier entry of this plan of which it is another name, or null.</param>
public sealed record LayerPlanEntry(string Path, FileNode Node, FileContent? Content, string? HardLinkTo = null);

/// <summary>Where bytes come from.</summary>
public abstract record FileContent;

/// <summary>A file of a tree.</summary>
public sealed record TreeContent(IFileTree Tree, string Path) : FileContent;

/// <summary>Bytes that are known (a here-document).</summary>
public sealed record InlineContent(ImmutableArray<byte> Bytes) : FileContent;
