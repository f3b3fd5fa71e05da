// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;

namespace Builder.Solver.Files;

/// <summary>
/// A read-only tree of files: a build context, the file system of a stage or an image, an unpacked archive. Paths are
/// relative to the root with '/', without a leading or trailing one; "" is the root. No path leaves the root: symbolic
/// links in the middle of a path are followed inside it, "..", at most, stays at the root.
/// </summary>
public interface IFileTree
{
    /// <summary>
    /// The identity of an immutable tree (a chainID, a commit): equal identities mean equal content, so that digests
    /// may be remembered under it. Null for a tree that may differ next time (a local directory).
    /// </summary>
    string? Identity { get; }

    /// <summary>
    /// What stands at a path, without following a symbolic link in its last component; null when nothing does or the
    /// path is ignored.
    /// </summary>
    FileNode? Find(string path);

    /// <summary>The entries of a directory sorted by the bytes of their names; ignored ones are left out.</summary>
    IReadOnlyList<FileNode> List(string directory);

    /// <summary>Says that all below a directory is going to be listed; the tree may begin with it.</summary>
    void ReadAhead(string directory)
    {
    }

    /// <summary>Opens a regular file for reading.</summary>
    Stream Open(string path);

    /// <summary>SHA-256 of a regular file's content.</summary>
    Digest ContentDigest(string path);

    /// <summary>Why <see cref="Find"/> gives null although the user may see the file there, or null.</summary>
    Absence? ExplainAbsence(string path);
}
