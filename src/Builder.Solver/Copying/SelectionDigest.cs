// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>
/// The content identity of a selection: names, kinds, contents, link texts, attributes, and those of mode and owner
/// that the request does not override. Never times, nor where the tree lies. Archives count by their bytes.
/// </summary>
internal static class SelectionDigest
{
    private const string Version = "bld.copy-selection.1";
    private const int FilesPerTask = 128;

    /// <summary>Computes it; reads every selected file whose digest is not known yet.</summary>
    public static Digest Compute(CopySelection selection)
    {
        bool withOwner = selection.Request.Owner is null;
        bool withMode = selection.Request.Mode is not { } mode || !ModeChange.IsAbsolute(mode);
        using var writer = new DigestWriter(Version);
        writer.Write(selection.Roots.Length);
        foreach (SelectedRoot root in selection.Roots)
        {
            writer.Write((long)root.Kind);
            writer.Write(root.MayUnpack ? 1 : 0);
            if (root.Kind == SelectedRootKind.File)
            {
                writer.Write(root.Name);
                WriteNode(writer, root.Node, withMode, withOwner);
                WriteContent(writer, root.Content);
                continue;
            }

            Digest[] digests = ReadDigests(root);
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            writer.Write(root.Entries.Length);
            for (int i = 0; i < root.Entries.Length; i++)
            {
                (string path, FileNode node) = root.Entries[i];
                writer.Write(path);
                WriteNode(writer, node, withMode, withOwner);
                if (node.Kind == FileKind.Regular)
                {
                    writer.Write(digests[i]);
                    writer.Write(node.HardLinkKey is { } key && !names.TryAdd(key, path) ? names[key] : null);
                }
            }
        }

        return writer.Finish();
    }

    private static void WriteNode(DigestWriter writer, FileNode node, bool withMode, bool withOwner)
    {
        writer.Write((long)node.Kind);
        if (withMode && node.Kind != FileKind.Symlink)
        {
            writer.Write(node.Mode);
        }

        if (withOwner)
        {
            writer.Write(node.UserId);
            writer.Write(node.GroupId);
        }

        writer.Write(node.LinkTarget);
        writer.Write(node.DeviceMajor);
        writer.Write(node.DeviceMinor);
        writer.Write(node.Xattrs);
    }

    private static void WriteContent(DigestWriter writer, FileContent? content)
    {
        switch (content)
        {
            case TreeContent file:
                writer.Write(file.Tree.ContentDigest(file.Path));
                break;
            case InlineContent inline:
                writer.Write(inline.Bytes.AsSpan());
                break;
        }
    }

    /// <summary>The digests of the regular files among the entries, read by all processors.</summary>
    private static Digest[] ReadDigests(SelectedRoot root)
    {
        var digests = new Digest[root.Entries.Length];
        if (digests.Length == 0 || root.Tree is not { } tree)
        {
            return digests;
        }

        try
        {
            Parallel.ForEach(Partitioner.Create(0, digests.Length, FilesPerTask), range =>
            {
                for (int i = range.Item1; i < range.Item2; i++)
                {
                    (string path, FileNode node) = root.Entries[i];
                    if (node.Kind == FileKind.Regular)
                    {
                        digests[i] = tree.ContentDigest(TreePath.Join(root.BasePath, path));
                    }
                }
            });
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        return digests;
    }
}
