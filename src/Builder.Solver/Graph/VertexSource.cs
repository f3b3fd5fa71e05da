// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Ports;

namespace Builder.Solver.Graph;

/// <summary>Where one source of a COPY or ADD comes from.</summary>
internal abstract record VertexSource;

/// <summary>Files of a build context.</summary>
/// <param name="Name">The named context; null for the main one.</param>
/// <param name="Pattern">The path or pattern.</param>
internal sealed record ContextFiles(string? Name, string Pattern) : VertexSource;

/// <summary>Files of a stage or an image.</summary>
internal sealed record FileSystemSource(FileSystemInput FileSystem, string Pattern) : VertexSource;

/// <summary>Something that ADD fetches.</summary>
internal sealed record RemoteSource(RemoteFile File) : VertexSource;
