// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.FileSystem;

/// <summary>Cleans paths that came from outside by their text alone; links are the resolver's business.</summary>
internal static class RootedPath
{
    /// <summary>
    /// The path relative to the root: no leading or trailing '/', no empty, "." or ".." component. A ".." takes its
    /// predecessor away and, at most, stays at the root.
    /// </summary>
    public static byte[] Clean(ReadOnlySpan<byte> path)
    {
        byte[] result = new byte[path.Length];
        int length = 0;
        while (!path.IsEmpty)
        {
            int slash = path.IndexOf((byte)'/');
            ReadOnlySpan<byte> component = slash < 0 ? path : path[..slash];
            path = slash < 0 ? [] : path[(slash + 1)..];
            if (component.IsEmpty || component.SequenceEqual("."u8))
            {
                continue;
            }

            if (component.SequenceEqual(".."u8))
            {
                length = Math.Max(result.AsSpan(0, length).LastIndexOf((byte)'/'), 0);
                continue;
            }

            if (length > 0)
            {
                result[length++] = (byte)'/';
            }

            component.CopyTo(result.AsSpan(length));
            length += component.Length;
        }

        return length == result.Length ? result : result[..length];
    }

    /// <summary>The last component.</summary>
    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];

    /// <summary>The path without its last component; empty at the root.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> path) =>
        path[..Math.Max(path.LastIndexOf((byte)'/'), 0)];
}
