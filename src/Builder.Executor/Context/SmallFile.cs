// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>Reads files that must be small.</summary>
internal static class SmallFile
{
    /// <summary>Reads a stream to its end.</summary>
    /// <exception cref="ContextException">It is longer than the limit.</exception>
    public static byte[] Read(Stream stream, string name, int maxBytes)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            content.Write(buffer, 0, count);
            if (content.Length > maxBytes)
            {
                throw new ContextException(ContextFailure.Invalid, $"read \"{name}\": it is larger than {maxBytes} bytes");
            }
        }

        return content.ToArray();
    }

    /// <summary>Reads a file of a tree.</summary>
    public static byte[] Read(IFileTree tree, string path, int maxBytes)
    {
        using Stream stream = tree.Open(path);
        return Read(stream, path, maxBytes);
    }

    /// <summary>Reads a file that the user named.</summary>
    /// <exception cref="ContextException">It cannot be read.</exception>
    public static byte[] Read(string path, int maxBytes, string operation)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Read(stream, path, maxBytes);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ContextException(ContextFailure.NotFound, $"{operation} \"{path}\": no such file", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ContextException(ContextFailure.Unreadable, $"{operation} \"{path}\": it cannot be read", exception);
        }
    }
}
