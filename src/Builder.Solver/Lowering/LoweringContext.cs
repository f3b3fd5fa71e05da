// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Graph;
using Builder.Solver.Ports;

namespace Builder.Solver.Lowering;

/// <summary>What all stages of one platform are lowered with, and the vertices that arise.</summary>
internal sealed class LoweringContext
{
    private readonly Dictionary<(string? Name, string Path), CopyVertex> _contextFiles = [];

    /// <summary>The request.</summary>
    public required BuildRequest Request { get; init; }

    /// <summary>Build args.</summary>
    public required BuildArguments Arguments { get; init; }

    /// <summary>The global scope.</summary>
    public required EnvironmentList Globals { get; init; }

    /// <summary>Expands words.</summary>
    public required LocatedExpander Words { get; init; }

    /// <summary>The platform that is built for.</summary>
    public required Platform Target { get; init; }

    /// <summary>SOURCE_DATE_EPOCH in seconds, or null.</summary>
    public required long? Epoch { get; init; }

    /// <summary>Tells git repositories from files.</summary>
    public required IRemoteSource Remotes { get; init; }

    /// <summary>Progress names the platform.</summary>
    public required bool ShowPlatform { get; init; }

    /// <summary>The vertices so far, each after those it needs.</summary>
    public List<Vertex> Vertices { get; } = [];

    /// <summary>The FROMs of images, by the names that progress shows; their files are fetched when a step needs them.</summary>
    public List<(string Name, SourceSpan Span)> Bases { get; } = [];

    /// <summary>Adds a vertex and gives its output.</summary>
    public FileSystemInput Add(Vertex vertex)
    {
        Vertices.Add(vertex);
        return FileSystemInput.OutputOf(vertex);
    }

    /// <summary>
    /// Files of a context as a file system of their own, at the path they have in the context: what a mount shows, or a
    /// stage starts from.
    /// </summary>
    /// <param name="name">The named context, or null for the main one.</param>
    /// <param name="path">A file or a directory in it; "" is all of it.</param>
    /// <param name="origin">Who needs them first.</param>
    public FileSystemInput ContextFiles(string? name, string path, VertexOrigin origin)
    {
        if (!_contextFiles.TryGetValue((name, path), out CopyVertex? vertex))
        {
            string pattern = path.Length == 0 ? "." : ContextPattern.Escape(path);
            vertex = new CopyVertex
            {
                Origin = origin,
                Parent = FileSystemInput.Scratch,
                Request = new Copying.CopyRequest
                {
                    Sources = [pattern],
                    Destination = "/" + path,
                    WorkingDirectory = "/",
                    Epoch = Epoch,
                },
                Sources = [new ContextFiles(name, pattern)],
            };
            _contextFiles.Add((name, path), vertex);
            Vertices.Add(vertex);
        }

        return FileSystemInput.OutputOf(vertex);
    }
}
