// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Explaining;

/// <summary>
/// The files behind a selection's digest, so that a changed digest can be explained file by file. Kept only for the
/// build context: what changed in a stage is explained by the stage's own steps.
/// </summary>
internal sealed class FileManifest
{
    /// <summary>A selection of more files is explained by its digest alone.</summary>
    public const int MaxFiles = 20_000;

    private readonly SortedDictionary<string, string> _files = new(StringComparer.Ordinal);

    private FileManifest()
    {
    }

    /// <summary>The manifest of a selection whose digest was just computed, or null when it is not kept.</summary>
    public static FileManifest? Of(CopySelection selection)
    {
        if (selection.Roots.Sum(root => Math.Max(1, root.Entries.Length)) > MaxFiles
            || selection.Roots.Any(root => root.Tree?.Identity is not null))
        {
            return null;
        }

        var manifest = new FileManifest();
        foreach (SelectedRoot root in selection.Roots)
        {
            if (root.Kind == SelectedRootKind.File)
            {
                string? digest = root.Content is TreeContent file ? Content(file.Tree, file.Path, root.Node) : null;
                manifest._files[root.Name] = Describe(root.Node, digest);
                continue;
            }

            foreach ((string path, FileNode node) in root.Entries)
            {
                string full = root.BasePath.Length == 0 ? path : $"{root.BasePath}/{path}";
                manifest._files[full] = Describe(node, root.Tree is null ? null : Content(root.Tree, full, node));
            }
        }

        return manifest;
    }

    /// <summary>Decodes a manifest; null for anything else.</summary>
    public static FileManifest? TryDecode(byte[] bytes)
    {
        var manifest = new FileManifest();
        string[] fields = Encoding.UTF8.GetString(bytes).Split('\0');
        if (fields.Length % 2 != 1)
        {
            return null;
        }

        for (int i = 0; i + 1 < fields.Length; i += 2)
        {
            manifest._files[fields[i]] = fields[i + 1];
        }

        return manifest;
    }

    /// <summary>Encodes the manifest.</summary>
    public byte[] Encode()
    {
        var text = new StringBuilder();
        foreach ((string path, string description) in _files)
        {
            text.Append(path).Append('\0').Append(description).Append('\0');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The files that differ between an earlier manifest and this one.</summary>
    public IEnumerable<InputDifference> CompareWith(FileManifest earlier)
    {
        foreach (string path in _files.Keys.Union(earlier._files.Keys).Order(StringComparer.Ordinal))
        {
            string? before = earlier._files.GetValueOrDefault(path);
            string? after = _files.GetValueOrDefault(path);
            if (before != after)
            {
                yield return new InputDifference($"file {path}", before, after);
            }
        }
    }

    private static string? Content(IFileTree tree, string path, FileNode node) =>
        node.Kind == FileKind.Regular ? tree.ContentDigest(path).ToString() : null;

    private static string Describe(FileNode node, string? digest)
    {
        string mode = Convert.ToString(node.Mode, 8).PadLeft(4, '0');
        string kind = node.Kind == FileKind.Regular ? "" : $"{node.Kind.ToString().ToLowerInvariant()} ";
        string owner = node.UserId == 0 && node.GroupId == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" {node.UserId}:{node.GroupId}");
        string what = node.LinkTarget is null ? digest ?? "" : $"-> {node.LinkTarget}";
        return $"{kind}{mode}{owner} {what}".TrimEnd();
    }
}
