// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>Says why a source was not found and what the user may have meant.</summary>
internal static class MissingSource
{
    private const int MaxComparedNames = 2000;

    /// <summary>The failure for a path that <paramref name="tree"/> does not have.</summary>
    public static SolveException Explain(IFileTree tree, string written, string path, string destination)
    {
        string message = $"copy \"{written}\" to \"{destination}\": source not found";
        if (tree.ExplainAbsence(path) is { } reason)
        {
            return new SolveException($"{message} ({reason.Text})") { Subject = written, Hint = reason.Hint };
        }

        (string directory, string name) = FirstMissing(tree, path);
        if (tree.Find(TreePath.Join(directory, name)) is { Kind: FileKind.Symlink } link)
        {
            return new SolveException(
                $"{message} (\"{TreePath.Join(directory, name)}\" is a symbolic link to \"{link.LinkTarget}\", which is not there)")
            {
                Subject = written,
                Hint = "a link is followed inside the source only: copy what it points at into it",
            };
        }

        string? similar = Similar(tree, directory, name);
        return new SolveException(message)
        {
            Subject = written,
            Hint = similar is null
                ? $"there is no \"{TreePath.Join(directory, name)}\"; paths are relative to the root of the source"
                : $"did you mean \"{similar}\"?",
        };
    }

    private static (string Directory, string Name) FirstMissing(IFileTree tree, string path)
    {
        string directory = "";
        string[] names = path.Split('/');
        for (int i = 0; i < names.Length - 1; i++)
        {
            string next = TreePath.Resolve(TreePath.Join(directory, names[i]), tree.Find);
            if (tree.Find(next) is not { Kind: FileKind.Directory })
            {
                return (directory, names[i]);
            }

            directory = next;
        }

        return (directory, names[^1]);
    }

    private static string? Similar(IFileTree tree, string directory, string name)
    {
        if (tree.Find(directory) is not { Kind: FileKind.Directory })
        {
            return null;
        }

        int best = Math.Max(1, name.Length / 3) + 1;
        string? similar = null;
        foreach (FileNode node in tree.List(directory).Take(MaxComparedNames))
        {
            int distance = string.Equals(node.Name, name, StringComparison.OrdinalIgnoreCase)
                ? 0
                : Distance(node.Name, name, best);
            if (distance < best)
            {
                best = distance;
                similar = node.Name;
            }
        }

        return similar is null ? null : TreePath.Join(directory, similar);
    }

    /// <summary>How many letters have to be inserted, removed or changed; <paramref name="limit"/> when not fewer.</summary>
    private static int Distance(string left, string right, int limit)
    {
        if (Math.Abs(left.Length - right.Length) >= limit)
        {
            return limit;
        }

        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int change = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[right.Length];
    }
}
