// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>
/// Finds what the path arguments of a waiting call mean: inside the caller's root, from its working directory or
/// descriptor. What cannot be found is left to the kernel.
/// </summary>
internal sealed class TraceePaths : IDisposable
{
    private const int MaxLinkBytes = 4096;

    private FileDescriptor? _containerRoot;

    /// <summary>The file that a descriptor of the caller means; null when there is none.</summary>
    public static FileDescriptor? OpenDescriptor(int pid, int descriptor) => Open(
        descriptor == Libc.AtFdCwd
            ? string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cwd")
            : string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd/{descriptor}"));

    /// <summary>The file that a path means; null when there is none.</summary>
    /// <param name="pid">The caller.</param>
    /// <param name="directory">The descriptor that relative paths start from.</param>
    /// <param name="path">The path.</param>
    /// <param name="followLast">A symbolic link in the last place is followed.</param>
    public FileDescriptor? Resolve(int pid, int directory, byte[] path, bool followLast)
    {
        string root = ReadLink($"/proc/{pid}/root") ?? "";
        byte[]? full = Absolute(pid, directory, path, root);
        if (full is null)
        {
            return null;
        }

        if (root == "/")
        {
            _containerRoot ??= Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root"));
            return _containerRoot is null ? null : OpenInside(_containerRoot.Value, full, followLast);
        }

        using FileDescriptor? own = Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root"));
        return own is null ? null : OpenInside(own.Value, full, followLast);
    }

    /// <summary>The directory in which the last component of a path lies, and that component; null when there is none.</summary>
    public FileDescriptor? ResolveParent(int pid, int directory, byte[] path, out byte[] name)
    {
        int end = path.Length;
        while (end > 1 && path[end - 1] == '/')
        {
            end--;
        }

        int slash = path.AsSpan(0, end).LastIndexOf((byte)'/');
        name = path[(slash + 1)..end];
        if (name.Length == 0 || name.AsSpan().SequenceEqual("."u8) || name.AsSpan().SequenceEqual(".."u8))
        {
            return null;
        }

        return Resolve(pid, directory, slash < 0 ? "."u8.ToArray() : path[..(slash + 1)], followLast: true);
    }

    /// <summary>The path of a held file in its container; null when it has none.</summary>
    public static string? PathOf(FileDescriptor file) =>
        ReadLink(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.Value}"));

    /// <inheritdoc/>
    public void Dispose() => _containerRoot?.Dispose();

    private static byte[]? Absolute(int pid, int directory, byte[] path, string root)
    {
        if (path.Length == 0)
        {
            return null;
        }

        if (path[0] == '/')
        {
            return path;
        }

        string? from = ReadLink(directory == Libc.AtFdCwd
            ? string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cwd")
            : string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd/{directory}"));
        if (from is null || !from.StartsWith('/'))
        {
            return null;
        }

        if (root.Length > 1)
        {
            if (!from.StartsWith(root, StringComparison.Ordinal))
            {
                return null; // outside its own root
            }

            from = from[root.Length..];
        }

        return [.. Solver.Files.PathEncoding.Encode(from), (byte)'/', .. path];
    }

    private static FileDescriptor? OpenInside(int root, byte[] path, bool followLast)
    {
        int start = 0;
        while (start < path.Length && path[start] == '/')
        {
            start++;
        }

        int descriptor = AtCalls.RawOpenResolved(
            root, start == path.Length ? "."u8 : path.AsSpan(start),
            OpenFlags.Path | (followLast ? 0 : OpenFlags.NoFollow), Libc.ResolveInRoot);
        return descriptor >= 0 ? new FileDescriptor(descriptor) : null;
    }

    private static FileDescriptor? Open(string path)
    {
        int descriptor = AtCalls.RawOpen(AtCalls.CurrentDirectory, Encoding.ASCII.GetBytes(path), OpenFlags.Path, 0);
        return descriptor >= 0 ? new FileDescriptor(descriptor) : null;
    }

    private static unsafe string? ReadLink(string path)
    {
        byte* buffer = stackalloc byte[MaxLinkBytes];
        fixed (byte* bytes = Libc.Terminated(path))
        {
            nint length = Libc.ReadLinkAt(AtCalls.CurrentDirectory, bytes, buffer, MaxLinkBytes);
            return length >= 0
                ? Solver.Files.PathEncoding.Decode(new ReadOnlySpan<byte>(buffer, (int)length))
                : null;
        }
    }
}
