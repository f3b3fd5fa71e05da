// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Solver.Ports;

/// <summary>ADD of something that is fetched.</summary>
public abstract record RemoteFile;

/// <summary>A file behind http(s).</summary>
/// <param name="Url">As written, expanded.</param>
/// <param name="Checksum"><c>--checksum</c> as written, or null.</param>
public sealed record HttpFile(Uri Url, string? Checksum) : RemoteFile;

/// <summary>A git repository.</summary>
/// <param name="Url">As written, expanded, with ref, subdirectory and query.</param>
/// <param name="Checksum"><c>--checksum</c>: a commit or a prefix of one.</param>
/// <param name="KeepGitDir"><c>--keep-git-dir</c>.</param>
public sealed record GitRepository(string Url, string? Checksum, bool KeepGitDir) : RemoteFile;

/// <summary>What was fetched.</summary>
/// <param name="Tree">A tree that holds it; <see cref="IFileTree.Identity"/> is its content's identity.</param>
/// <param name="Path">The file in the tree; "" when the tree itself is meant (git).</param>
public sealed record FetchedFile(IFileTree Tree, string Path);

/// <summary>Fetches what ADD names, and unpacks archives.</summary>
public interface IRemoteSource
{
    /// <summary>True when ADD takes this source as a git repository and not as a file.</summary>
    bool IsGitUrl(string source);

    /// <summary>Fetches and verifies.</summary>
    /// <exception cref="Frontend.BuildException">Unreachable, refused, or not what the checksum says.</exception>
    Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken);

    /// <summary>True when a regular file is a tar archive, plain or compressed, by content and not by name.</summary>
    bool IsArchive(IFileTree tree, string path);

    /// <summary>Unpacks an archive into a private tree, with the owners and times that it records.</summary>
    /// <exception cref="Frontend.BuildException">The archive is damaged or tries to leave its root.</exception>
    Task<IFileTree> UnpackAsync(IFileTree tree, string path, CancellationToken cancellationToken);
}
