// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>A context without files: that of a Dockerfile which came alone.</summary>
internal sealed class EmptyTree : IFileTree
{
    private const int DirectoryMode = 0b111_101_101;

    private static readonly FileNode s_root =
        new() { Name = "", Kind = FileKind.Directory, Mode = DirectoryMode, UserId = 0, GroupId = 0 };

    /// <summary>The one there is.</summary>
    public static EmptyTree Instance { get; } = new();

    /// <inheritdoc/>
    public string? Identity => "empty";

    /// <inheritdoc/>
    public FileNode? Find(string path) => path.Length == 0 ? s_root : null;

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) => [];

    /// <inheritdoc/>
    public Stream Open(string path) => throw Missing(path);

    /// <inheritdoc/>
    public Digest ContentDigest(string path) => throw Missing(path);

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path) => new(
        "the build context is empty: only a Dockerfile was given",
        "give a directory as the context and the Dockerfile by -f, for instance bld build -f - .");

    private static ContextException Missing(string path) =>
        new(ContextFailure.NotFound, $"read \"{path}\": the build context is empty");
}
