// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>A checked out commit.</summary>
/// <param name="Files">All its files.</param>
/// <param name="Directory">The directory of it that is meant, without links.</param>
/// <param name="Seconds">When it was committed.</param>
internal sealed record GitCheckout(LocalContext Files, string Directory, long Seconds);

/// <summary>
/// The files of a commit, as git records them: 0644, 0755 and links, with the commit's time, so that equal commits are
/// equal trees. Checked out when something is first asked of it. Thread-safe.
/// </summary>
internal sealed class GitTree : IFileTree, IFileHandleSource
{
    private const int ExecuteBit = 0b001_000_000;
    private const int PlainMode = 0b110_100_100;
    private const int ExecutableMode = 0b111_101_101;
    private const string GitDirectory = ".git";

    private readonly Lazy<GitCheckout> _checkout;
    private readonly bool _keepsGitDirectory;

    /// <summary>Creates the tree.</summary>
    public GitTree(string identity, bool keepsGitDirectory, Func<GitCheckout> fetch)
    {
        Identity = identity;
        _keepsGitDirectory = keepsGitDirectory;
        _checkout = new Lazy<GitCheckout>(fetch);
    }

    /// <inheritdoc/>
    public string? Identity { get; }

    /// <inheritdoc/>
    public FileNode? Find(string path) =>
        IsHidden(path) || _checkout.Value.Files.Find(Real(path)) is not { } node
            ? null
            : ToRecorded(path.Length == 0 ? node with { Name = "" } : node);

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) =>
    [
        .. _checkout.Value.Files.List(Real(directory))
            .Where(node => !IsHidden(node.Name))
            .Select(ToRecorded),
    ];

    /// <inheritdoc/>
    public Stream Open(string path) => _checkout.Value.Files.Open(Real(path));

    /// <inheritdoc/>
    public SafeFileHandle OpenHandle(string path) => _checkout.Value.Files.OpenHandle(Real(path));

    /// <inheritdoc/>
    public Digest ContentDigest(string path) => _checkout.Value.Files.ContentDigest(Real(path));

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path) => null;

    private string Real(string path) =>
        TreePath.Join(_checkout.Value.Directory, TreePath.Join(
            TreePath.Resolve(TreePath.Directory(path), FindBelow), TreePath.Name(path)));

    private FileNode? FindBelow(string path) =>
        _checkout.Value.Files.Find(TreePath.Join(_checkout.Value.Directory, path));

    private bool IsHidden(string path) =>
        !_keepsGitDirectory && path.Split('/').Contains(GitDirectory, StringComparer.Ordinal);

    private FileNode ToRecorded(FileNode node) => node with
    {
        Mode = node.Kind switch
        {
            FileKind.Regular => (node.Mode & ExecuteBit) != 0 ? ExecutableMode : PlainMode,
            FileKind.Directory => ExecutableMode,
            _ => node.Mode,
        },
        ModifiedSeconds = _checkout.Value.Seconds,
        ModifiedNanoseconds = 0,
        HardLinkKey = null,
    };
}
