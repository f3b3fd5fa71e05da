// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Solver.Files;

namespace Builder.Executor.Interop;

/// <summary>
/// openat2(2) with <c>RESOLVE_IN_ROOT</c> or <c>RESOLVE_BENEATH</c> for kernels that lack it (gVisor): one component after
/// the other, every directory on the way held. ".." goes back to the directory that was held before, never to a parent
/// that somebody may have moved elsewhere, so that no race leads out.
/// </summary>
internal sealed class ComponentWalk : IDisposable
{
    private const int MaxLinks = 40; // as path_resolution(7)

    private readonly int _root;
    private readonly ulong _resolve;
    private readonly Stack<FileDescriptor> _held = new();
    private readonly Stack<byte[]> _pending = new();
    private int _links;

    private ComponentWalk(int root, ulong resolve)
    {
        _root = root;
        _resolve = resolve;
    }

    private int Current => _held.TryPeek(out FileDescriptor? directory) ? directory.Value : _root;

    /// <summary>Opens and gives the bare number: the caller closes it. -1 with errno on failure.</summary>
    public static int Open(int root, ReadOnlySpan<byte> path, int flags, ulong resolve)
    {
        using var walk = new ComponentWalk(root, resolve);
        Errno failure = walk.TryOpen(path, flags, out int descriptor);
        if (failure != 0)
        {
            Marshal.SetLastPInvokeError((int)failure);
        }

        return descriptor;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_held.TryPop(out FileDescriptor? directory))
        {
            directory.Dispose();
        }
    }

    private Errno TryOpen(ReadOnlySpan<byte> path, int flags, out int descriptor)
    {
        descriptor = -1;
        Errno failure = path.IsEmpty ? Errno.ENOENT : Push(path);
        while (failure == 0 && _pending.TryPop(out byte[]? name))
        {
            if (name is [(byte)'.', (byte)'.'])
            {
                failure = Leave();
            }
            else if (_pending.Count > 0)
            {
                failure = name is [(byte)'.'] ? 0 : Enter(name);
            }
            else if ((failure = OpenLast(name, flags, out descriptor)) != 0 || descriptor >= 0)
            {
                return failure;
            }
        }

        if (failure == 0)
        {
            descriptor = AtCalls.RawOpen(Current, "."u8, flags & ~OpenFlags.Create, 0);
            failure = descriptor < 0 ? AtCalls.LastError() : 0;
        }

        return failure;
    }

    // A link's text, or the whole path; "." stands for what an ending slash demands.
    private Errno Push(ReadOnlySpan<byte> path)
    {
        if (path[0] == (byte)'/')
        {
            if ((_resolve & Libc.ResolveBeneath) != 0)
            {
                return Errno.EXDEV;
            }

            Dispose();
        }

        bool isDirectory = path[^1] == (byte)'/' || path.EndsWith("/."u8);
        var names = new List<byte[]>();
        foreach (Range range in path.Split((byte)'/'))
        {
            if (path[range] is not ([] or [(byte)'.']))
            {
                names.Add(path[range].ToArray());
            }
        }

        if (isDirectory && names.Count > 0)
        {
            _pending.Push([(byte)'.']);
        }

        for (int i = names.Count - 1; i >= 0; i--)
        {
            _pending.Push(names[i]);
        }

        return 0;
    }

    private Errno Leave()
    {
        if (_held.TryPop(out FileDescriptor? directory))
        {
            directory.Dispose();
            return 0;
        }

        return (_resolve & Libc.ResolveBeneath) != 0 ? Errno.EXDEV : 0;
    }

    private Errno Enter(byte[] name)
    {
        int descriptor = AtCalls.RawOpen(Current, name, OpenFlags.DirectoryPath, 0);
        if (descriptor >= 0)
        {
            _held.Push(new FileDescriptor(descriptor));
            return 0;
        }

        Errno failure = AtCalls.LastError();
        return failure is Errno.ENOTDIR or Errno.ELOOP && IsLink(name) ? Follow(name) : failure;
    }

    // No failure and no descriptor: it was a link, whose text is pending now.
    private Errno OpenLast(byte[] name, int flags, out int descriptor)
    {
        bool follows = (flags & OpenFlags.NoFollow) == 0;
        descriptor = AtCalls.RawOpen(Current, name, flags | OpenFlags.NoFollow, 0b110_110_110);
        if (descriptor < 0)
        {
            Errno failure = AtCalls.LastError();
            return follows && failure is Errno.ELOOP or Errno.ENOTDIR && IsLink(name) ? Follow(name) : failure;
        }

        if (!follows || (flags & OpenFlags.Path) == 0 || AtCalls.Stat(descriptor, []).Kind != FileKind.Symlink)
        {
            return 0;
        }

        _ = Libc.Close(descriptor);
        descriptor = -1;
        return Follow(name);
    }

    private bool IsLink(byte[] name) => AtCalls.TryStat(Current, name, out FileStatus status) && status.Kind == FileKind.Symlink;

    private Errno Follow(byte[] name)
    {
        if ((_resolve & Libc.ResolveNoSymlinks) != 0 || ++_links > MaxLinks)
        {
            return Errno.ELOOP;
        }

        byte[] target = AtCalls.ReadLink(Current, name);
        return target.Length == 0 ? Errno.ENOENT : Push(target);
    }
}
