// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>Paths as text, without a look at any disk.</summary>
public static class LexicalPath
{
    /// <summary>
    /// The shortest equal path, as Go's filepath.Clean gives it: no empty or "." segment, ".." resolved where a name
    /// stands before it and dropped at the root, no trailing '/'. The empty path becomes ".".
    /// </summary>
    public static string Clean(string path)
    {
        bool isRooted = path.StartsWith('/');
        var kept = new List<Range>();
        int resolvable = 0;
        foreach (Range range in path.AsSpan().Split('/'))
        {
            ReadOnlySpan<char> segment = path.AsSpan(range);
            if (segment.IsEmpty || segment is ".")
            {
                continue;
            }

            if (segment is not "..")
            {
                kept.Add(range);
                resolvable++;
            }
            else if (resolvable > 0)
            {
                kept.RemoveAt(kept.Count - 1);
                resolvable--;
            }
            else if (!isRooted)
            {
                kept.Add(range);
            }
        }

        string joined = string.Join('/', kept.Select(range => path[range]));
        return isRooted ? "/" + joined : joined.Length == 0 ? "." : joined;
    }
}
