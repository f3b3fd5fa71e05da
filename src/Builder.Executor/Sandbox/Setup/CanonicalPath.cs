// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Where a path really is in a file system, with every symbolic link replaced.</summary>
internal static class CanonicalPath
{
    private const int MaxLinks = 40;

    /// <summary>Resolves a path, the last component included; what does not exist is kept as it is written.</summary>
    /// <returns>The path without a leading '/'; "" is the root.</returns>
    /// <exception cref="SandboxException">The links go round in a circle.</exception>
    public static string Resolve(IFileTree? tree, string path)
    {
        var pending = new Stack<string>();
        Push(pending, path);
        var resolved = new List<string>();
        int links = 0;
        while (pending.TryPop(out string? name))
        {
            if (name == "..")
            {
                if (resolved.Count > 0)
                {
                    resolved.RemoveAt(resolved.Count - 1);
                }

                continue;
            }

            string candidate = string.Join('/', resolved.Append(name));
            if (tree?.Find(candidate) is { Kind: FileKind.Symlink, LinkTarget: { } target })
            {
                if (++links > MaxLinks)
                {
                    throw new SandboxException($"resolve {path}: too many levels of symbolic links");
                }

                if (target.StartsWith('/'))
                {
                    resolved.Clear();
                }

                Push(pending, target);
            }
            else
            {
                resolved.Add(name);
            }
        }

        return string.Join('/', resolved);
    }

    private static void Push(Stack<string> pending, string path)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = names.Length - 1; i >= 0; i--)
        {
            if (names[i] != ".")
            {
                pending.Push(names[i]);
            }
        }
    }
}
