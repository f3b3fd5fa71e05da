// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Lowering;

/// <summary>Absolute paths inside an image, by their text alone.</summary>
internal static class ContainerPath
{
    /// <summary>
    /// A path as seen from a directory: absolute ones stay, others are below it; "." and ".." and doubled slashes are
    /// resolved, a trailing slash is kept.
    /// </summary>
    public static string Resolve(string directory, string path)
    {
        string clean = Clean(path.StartsWith('/') ? path : $"{directory}/{path}");
        return path.EndsWith('/') && clean != "/" ? clean + "/" : clean;
    }

    /// <summary>An absolute path without ".", "..", doubled or trailing slashes.</summary>
    public static string Clean(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("." or ".."))
            {
                parts.Add(part);
            }
        }

        return "/" + string.Join('/', parts);
    }
}
