// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Solver.Lowering;

/// <summary>Paths as patterns of COPY.</summary>
internal static class ContextPattern
{
    /// <summary>The pattern that matches exactly this path.</summary>
    public static string Escape(string path)
    {
        if (path.AsSpan().IndexOfAny("*?[\\") < 0)
        {
            return path;
        }

        var escaped = new StringBuilder(path.Length + 2);
        foreach (char c in path)
        {
            if (c is '*' or '?' or '[' or '\\')
            {
                escaped.Append('\\');
            }

            escaped.Append(c);
        }

        return escaped.ToString();
    }
}
