// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>A tree of one file, of which the content lies somewhere on disk: what ADD URL gives.</summary>
internal sealed class SingleFileTree : IFileTree, IFileHandleSource
{
    private const int DirectoryMode = 0b111_101_101;

    private readonly string _diskPath;
    private readonly Digest _digest;
    private readonly FileNode _root;
    private readonly FileNode _file;

    /// <summary>Creates the tree.</summary>
    /// <param name="diskPath">Where the bytes are; the file never changes.</param>
    /// <param name="digest">Their digest.</param>
    /// <param name="file">What the tree says of the file.</param>
    public SingleFileTree(string diskPath, Digest digest, FileNode file)
    {
        _diskPath = diskPath;
        _digest = digest;
        _file = file;
        _root = new FileNode { Name = "", Kind = FileKind.Directory, Mode = DirectoryMode, UserId = 0, GroupId = 0 };
        Identity = $"file {digest} {file.Name}";
    }

    /// <inheritdoc/>
    public string? Identity { get; }

    /// <inheritdoc/>
    public FileNode? Find(string path) => path.Length == 0 ? _root : path == _file.Name ? _file : null;

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) => directory.Length == 0 ? [_file] : [];

    /// <inheritdoc/>
    public Stream Open(string path) => new FileStream(OpenHandle(path), FileAccess.Read, bufferSize: 0);

    /// <inheritdoc/>
    public SafeFileHandle OpenHandle(string path) => path == _file.Name
        ? File.OpenHandle(_diskPath)
        : throw new ContextException(ContextFailure.NotFound, $"read \"{path}\": no such file");

    /// <inheritdoc/>
    public Digest ContentDigest(string path) => _digest;

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path) => null;
}
