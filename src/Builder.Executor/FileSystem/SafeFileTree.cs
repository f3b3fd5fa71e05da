// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.FileSystem;

/// <summary>
/// A directory of the disk as a root: every path is resolved inside it by the kernel (openat2 with RESOLVE_IN_ROOT), so
/// neither "..", nor an absolute link, nor a race leaves it. Magic links of /proc are refused. Thread-safe.
/// </summary>
internal sealed class SafeFileTree : IDisposable
{
    private const ulong Inside = Libc.ResolveInRoot | Libc.ResolveNoMagicLinks;

    private readonly FileDescriptor _root;

    /// <summary>Opens a directory as a root.</summary>
    public SafeFileTree(string path)
        : this(AtCalls.Open(path, OpenFlags.Path | OpenFlags.Directory))
    {
    }

    /// <summary>Takes ownership of an open directory as a root.</summary>
    public SafeFileTree(FileDescriptor root)
    {
        _root = root;
    }

    /// <summary>The root's descriptor.</summary>
    public int Root => _root.Value;

    /// <summary>Opens a path inside the root; symbolic links are followed there. "" is the root.</summary>
    public FileDescriptor Open(ReadOnlySpan<byte> path, int flags) =>
        TryOpen(path, flags)
        ?? throw new LinuxException("open", Errno.ENOENT, AtCalls.Describe(_root.Value, path));

    /// <summary>Opens a path inside the root, or null when nothing is there.</summary>
    public FileDescriptor? TryOpen(ReadOnlySpan<byte> path, int flags)
    {
        int descriptor = AtCalls.RawOpenResolved(_root.Value, path.IsEmpty ? "."u8 : path, flags, Inside);
        return descriptor >= 0 ? new FileDescriptor(descriptor)
            : AtCalls.LastError() is Errno.ENOENT or Errno.ENOTDIR ? null
            : throw AtCalls.Failure("open", _root.Value, path);
    }

    /// <summary>Opens the directory that holds a path's last component, which itself is not followed; null when that
    /// directory is missing.</summary>
    /// <param name="path">A path with at least one component.</param>
    /// <param name="name">The last component.</param>
    public FileDescriptor? TryOpenParent(string path, out byte[] name)
    {
        string trimmed = path.Trim('/');
        int slash = trimmed.LastIndexOf('/');
        name = PathEncoding.Encode(trimmed[(slash + 1)..]);
        return TryOpen(PathEncoding.Encode(slash < 0 ? "" : trimmed[..slash]), OpenFlags.Path | OpenFlags.Directory);
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();
}
