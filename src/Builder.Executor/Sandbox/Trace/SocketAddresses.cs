// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Addresses of sockets between a step and the kernel. A path becomes a short name in the directory of
/// <see cref="ExecutableImages"/>, which the step cannot change: connecting goes to another name of the very socket that
/// was found, binding makes the socket there and moves it to where it was asked for.
/// </summary>
internal sealed class SocketAddresses(GuestPaths paths, ExecutableImages images, TraceOwners owners)
{
    /// <summary>The longest address. Source: sockaddr(3type).</summary>
    public const int MaxBytes = 128;

    private const int FamilyUnix = 1;
    private const int UnixBytes = 110; // struct sockaddr_un
    private const int UnixPathBytes = 108;
    private const int FamilyBytes = sizeof(ushort);
    private const int SocketMode = 0b111_111_111;
    private const int Write = 2;
    private const int WriteExecute = 3;

    // What sockets were bound to, by the name that the kernel knows.
    private readonly Dictionary<string, byte[]> _bound = new(StringComparer.Ordinal);

    /// <summary>
    /// The address for connect(2) and its kin; the name to remove afterwards. An address that is no path is what was read.
    /// </summary>
    public Errno ToConnect(Tracee thread, ulong address, int length, out byte[] translated, out string? temporary)
    {
        temporary = null;
        Errno errno = Read(thread, address, length, out translated);
        if (errno != Errno.None || PathIn(translated) is not { } path)
        {
            return errno;
        }

        errno = paths.Find(thread, Libc.AtFdCwd, path, follow: true, out Found? found);
        using (found)
        {
            errno = errno != Errno.None ? errno : paths.Access.Check(thread, found!.File, found.Status, Write);
            if (errno == Errno.None && found!.Status.Kind != Solver.Files.FileKind.Socket)
            {
                errno = Errno.ECONNREFUSED;
            }

            if (errno != Errno.None)
            {
                return errno;
            }

            string? name = temporary = images.AnotherName(found!.File);

            // A mount of another file system takes no second names.
            name ??= HostCall.PathOf(found.File) is { } file ? images.LinkTo(file) : null;
            if (name is null)
            {
                return Errno.ENOENT;
            }

            translated = OfPath(Solver.Files.PathEncoding.Encode(name));
            return Errno.None;
        }
    }

    /// <summary>The address for bind(2), and what is to be done when it is bound.</summary>
    public Errno ToBind(Tracee thread, ulong address, int length, out byte[] translated, out Func<long, long>? finish)
    {
        finish = null;
        Errno errno = Read(thread, address, length, out translated);
        if (errno != Errno.None || PathIn(translated) is not { } path)
        {
            return errno;
        }

        errno = paths.FindEntry(thread, Libc.AtFdCwd, path, out Entry? entry);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = HostCall.StatusAt(entry!.Directory, entry.Name, out _) == 0 ? Errno.EADDRINUSE
            : paths.Mounts.IsReadOnly(entry.Directory) ? Errno.EROFS
            : paths.Access.Check(thread, entry.Directory, WriteExecute);
        if (errno == Errno.None)
        {
            errno = PlanBinding(thread, entry, path, out translated, out finish);
        }

        if (finish is null)
        {
            entry.Dispose();
        }

        return errno;
    }

    /// <summary>
    /// After a call that gives an address: puts the step's path in the place of the kernel's.
    /// </summary>
    /// <param name="thread">Who called.</param>
    /// <param name="address">Where the address was to be written to.</param>
    /// <param name="lengthAddress">Where its length was.</param>
    /// <param name="room">How much room the caller gave.</param>
    public void GiveBack(Tracee thread, ulong address, ulong lengthAddress, int room)
    {
        Span<byte> word = stackalloc byte[sizeof(int)];
        if (room <= FamilyBytes || !TraceeMemory.TryRead(thread.ThreadId, lengthAddress, word))
        {
            return;
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(word);
        byte[] given = new byte[Math.Clamp(length, 0, UnixBytes)];
        Span<byte> visible = given.AsSpan(0, Math.Min(given.Length, room));
        if (!TraceeMemory.TryRead(thread.ThreadId, address, visible) || PathIn(visible) is not { } path
            || !_bound.TryGetValue(Solver.Files.PathEncoding.Decode(path), out byte[]? name))
        {
            return;
        }

        byte[] full = OfPath(name);
        BinaryPrimitives.WriteInt32LittleEndian(word, full.Length);
        _ = TraceeMemory.TryWrite(thread.ThreadId, address, full.AsSpan(0, Math.Min(full.Length, room)))
            && TraceeMemory.TryWrite(thread.ThreadId, lengthAddress, word);
    }

    private static Errno Read(Tracee thread, ulong address, int length, out byte[] given)
    {
        given = [];
        if (length is < 0 or > MaxBytes)
        {
            return Errno.EINVAL;
        }

        given = new byte[length];
        return length == 0 || TraceeMemory.TryRead(thread.ThreadId, address, given) ? Errno.None : Errno.EFAULT;
    }

    // Null for addresses that are no paths: other families, abstract names.
    private static byte[]? PathIn(ReadOnlySpan<byte> address)
    {
        if (address.Length <= FamilyBytes || address.Length > UnixBytes
            || BinaryPrimitives.ReadUInt16LittleEndian(address) != FamilyUnix || address[FamilyBytes] == 0)
        {
            return null;
        }

        ReadOnlySpan<byte> path = address[FamilyBytes..];
        int end = path.IndexOf((byte)0);
        return (end < 0 ? path : path[..end]).ToArray();
    }

    private static byte[] OfPath(byte[] path) =>
        path.Length < UnixPathBytes ? [FamilyUnix, 0, .. path, 0] : [FamilyUnix, 0, .. path];

    private Errno PlanBinding(
        Tracee thread, Entry entry, byte[] path, out byte[] translated, out Func<long, long>? finish)
    {
        translated = [];
        finish = null;
        if (!images.SharesFileSystem(entry.Directory))
        {
            // Such a mount takes no names from elsewhere: the socket is made in its place.
            byte[]? directory = HostCall.PathOf(entry.Directory);
            string? link = directory is null ? null : images.LinkTo(directory);
            byte[] place = link is null ? [] : [.. Solver.Files.PathEncoding.Encode(link), (byte)'/', .. entry.Name];
            translated = OfPath(place);
            finish = result =>
            {
                entry.Dispose();
                _bound[Solver.Files.PathEncoding.Decode(place)] = path;
                return result;
            };
            return link is null ? Errno.ENOENT : place.Length > UnixPathBytes ? Errno.ENAMETOOLONG : Errno.None;
        }

        string name = images.NewName();
        byte[] bytes = Solver.Files.PathEncoding.Encode(name);
        translated = OfPath(bytes);
        finish = result =>
        {
            using (entry)
            {
                const int NoReplace = 1; // RENAME_NOREPLACE
                if (result < 0)
                {
                    return result;
                }

                long moved = HostCall.AtAt(
                    CallNumbers.Renameat2, images.Directory, bytes, entry.Directory, entry.Name, NoReplace);
                if (moved < 0)
                {
                    _ = HostCall.At(CallNumbers.Unlinkat, images.Directory, bytes);
                    return moved == -(long)Errno.EEXIST ? -(long)Errno.EADDRINUSE : moved;
                }

                _bound[name] = path;
                BeginFile(thread, entry);
                return result;
            }
        };
        return Errno.None;
    }

    private void BeginFile(Tracee thread, Entry entry)
    {
        long opened = HostCall.Open(entry.Directory, entry.Name, OpenFlags.Path | OpenFlags.NoFollow);
        if (opened >= 0)
        {
            using var made = new FileDescriptor((int)opened);
            owners.Begin(
                made.Value, entry.Directory, thread.Process.Identity, OpenCalls.Masked(thread, SocketMode));
        }
    }
}
