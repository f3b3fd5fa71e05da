// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Files;

/// <summary>Paths inside a tree: '/' between names, none at the ends; "" is the root.</summary>
public static class TreePath
{
    /// <summary>As many symbolic links as the kernel follows in one path.</summary>
    private const int MaxLinks = 40;

    /// <summary>Cleans a path by its text alone: "." and empty names go, ".." takes a name away and stays at the root.</summary>
    public static string Clean(string path)
    {
        if (IsClean(path))
        {
            return path;
        }

        var names = new List<string>();
        foreach (string name in path.Split('/'))
        {
            if (name == ".." && names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
            else if (name is not ("" or "." or ".."))
            {
                names.Add(name);
            }
        }

        return string.Join('/', names);
    }

    /// <summary>True when a path as written says "a directory": it ends with '/', "/." or is "." or empty.</summary>
    public static bool SaysDirectory(string path) =>
        path is "" or "." or ".." || path.EndsWith('/') || path.EndsWith("/.", StringComparison.Ordinal);

    /// <summary>The path of <paramref name="name"/> in <paramref name="directory"/>.</summary>
    public static string Join(string directory, string name) =>
        directory.Length == 0 ? name : name.Length == 0 ? directory : string.Concat(directory, "/", name);

    /// <summary>The directory of a clean path; "" for names at the root and for the root.</summary>
    public static string Directory(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash < 0 ? "" : path[..slash];
    }

    /// <summary>The last name of a clean path.</summary>
    public static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>
    /// Follows every symbolic link of a clean path, the last one too, inside the root. What does not exist is kept as
    /// written, so that a destination can be resolved before it is made.
    /// </summary>
    /// <param name="path">A clean path.</param>
    /// <param name="find">What stands at a path whose directory part has no links.</param>
    /// <exception cref="SolveException">The links form a loop.</exception>
    public static string Resolve(string path, Func<string, FileNode?> find)
    {
        var pending = new Stack<string>(path.Split('/').Reverse());
        string current = "";
        int links = 0;
        while (pending.TryPop(out string? name))
        {
            if (name is "" or "." or "..")
            {
                current = name == ".." ? Directory(current) : current;
                continue;
            }

            string next = Join(current, name);
            if (find(next) is not { Kind: FileKind.Symlink, LinkTarget: { } target })
            {
                current = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new SolveException($"resolve \"/{path}\": too many symbolic links");
            }

            current = target.StartsWith('/') ? "" : current;
            foreach (string part in target.Split('/').Reverse())
            {
                pending.Push(part);
            }
        }

        return current;
    }

    private static bool IsClean(string path)
    {
        int start = 0;
        while (start <= path.Length)
        {
            int slash = path.IndexOf('/', start);
            int end = slash < 0 ? path.Length : slash;
            if (path.AsSpan(start, end - start) is "" or "." or "..")
            {
                return path.Length == 0;
            }

            start = end + 1;
        }

        return true;
    }
}
