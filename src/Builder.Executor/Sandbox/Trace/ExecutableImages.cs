// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// What the kernel executes in place of a step's programmes: it would look for their loader in the machine's root. A
/// dynamic programme is copied once, with the place of its loader in the step's root as PT_INTERP; a static one is reached
/// by a link. All of them stand in one directory, which is the kernel's working directory of all traced processes, so that
/// their paths are short: NUMBER/NAME. Source: elf(5).
/// </summary>
internal sealed unsafe class ExecutableImages : IDisposable
{
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int MaxProgramHeaders = 512;
    private const int MachineX64 = 62;
    private const int TypeExecutable = 2;
    private const int TypeShared = 3;
    private const uint SegmentInterpreter = 3;
    private const int ImageMode = 0b111_000_000;
    private const int CopyBytes = 256 * 1024;
    private const long MaxHeldBytes = 1L << 30;

    private readonly FileDescriptor _directory;
    private readonly Dictionary<Key, (string Path, long Bytes)> _images = [];
    private readonly Queue<Key> _order = [];
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);
    private long _heldBytes;
    private int _next;

    /// <summary>Creates the directory's keeper.</summary>
    /// <param name="directory">An empty directory; it must allow executing.</param>
    public ExecutableImages(string directory) => _directory = AtCalls.Open(directory, OpenFlags.DirectoryPath);

    private readonly record struct Key(
        uint Major, uint Minor, ulong Inode, FileTime Change, long Size, string Name, string Loader);

    /// <summary>The directory.</summary>
    public int Directory => _directory.Value;

    /// <summary>
    /// What a file is: with ELF's magic number and this machine's kind, the path of its loader, "" for none; null for
    /// everything else.
    /// </summary>
    public static byte[]? FindLoader(int file, out long headerOffset)
    {
        headerOffset = 0;
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (!ReadAt(file, header, 0) || !header.StartsWith("\u007fELF"u8) || header[4] != 2 /* 64 bits */ || header[5] != 1
            || BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) != MachineX64
            || BinaryPrimitives.ReadUInt16LittleEndian(header[16..]) is not (TypeExecutable or TypeShared))
        {
            return null;
        }

        long table = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        if (size != ProgramHeaderBytes || count > MaxProgramHeaders)
        {
            return null;
        }

        Span<byte> entry = stackalloc byte[ProgramHeaderBytes];
        for (int i = 0; i < count; i++)
        {
            headerOffset = table + (long)i * ProgramHeaderBytes;
            if (!ReadAt(file, entry, headerOffset))
            {
                return null;
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == SegmentInterpreter)
            {
                return ReadLoader(file, entry);
            }
        }

        return [];
    }

    /// <summary>The first line's words of a script, or null: its interpreter and at most one argument.</summary>
    public static (byte[] Interpreter, byte[]? Argument)? FindInterpreter(int file)
    {
        const int LineBytes = 256;
        byte* buffer = stackalloc byte[LineBytes];
        long count = HostCall.Invoke(CallNumbers.Pread, file, (nint)buffer, LineBytes);
        ReadOnlySpan<byte> line = new(buffer, (int)Math.Max(count, 0));
        if (!line.StartsWith("#!"u8))
        {
            return null;
        }

        int end = line.IndexOf((byte)'\n');
        line = (end < 0 ? line[2..] : line[2..end]).Trim(" \t"u8);
        int space = line.IndexOfAny((byte)' ', (byte)'\t');
        if (line.IsEmpty)
        {
            return null;
        }

        return space < 0
            ? (line.ToArray(), null)
            : (line[..space].ToArray(), line[space..].Trim(" \t"u8).ToArray());
    }

    /// <summary>The path, in the directory, of what is executed in a file's place.</summary>
    /// <param name="file">The file, open for reading.</param>
    /// <param name="status">Its status.</param>
    /// <param name="hostPath">Where it lies, or null when it has no name any more.</param>
    /// <param name="name">What the process will be called.</param>
    /// <param name="loader">Where its loader lies; "" for a static programme.</param>
    /// <param name="headerOffset">Where its PT_INTERP is.</param>
    /// <param name="path">The path.</param>
    public Errno Provide(
        int file, in FileStatus status, byte[]? hostPath, string name, byte[] loader, long headerOffset, out string path)
    {
        var key = new Key(
            status.HolderMajor, status.HolderMinor, status.Inode, status.Change, status.Size, name,
            Encoding.Latin1.GetString(loader));
        if (_images.TryGetValue(key, out (string Path, long Bytes) known) && IsIntact(known, status))
        {
            path = known.Path;
            return Errno.None;
        }

        path = string.Create(CultureInfo.InvariantCulture, $"{++_next}/{name}");
        byte[] bytes = Solver.Files.PathEncoding.Encode(path);
        long made = HostCall.At(CallNumbers.Mkdirat, Directory, bytes.AsSpan(0, bytes.AsSpan().IndexOf((byte)'/')), ImageMode);
        bool isLink = loader.Length == 0 && hostPath is not null;
        Errno errno = made < 0 ? (Errno)(-made)
            : isLink ? (Errno)(-HostCall.Symlink(hostPath!, Directory, bytes))
            : Copy(file, status.Size, bytes, loader, headerOffset);
        if (errno == Errno.None)
        {
            _images[key] = (path, isLink ? 0 : status.Size);
            _order.Enqueue(key);
            _heldBytes += isLink ? 0 : status.Size;
            Evict();
        }

        return errno;
    }

    /// <summary>A short path, in the directory, of a place on this machine; null when it cannot be made.</summary>
    public string? LinkTo(byte[] hostPath)
    {
        string target = Encoding.Latin1.GetString(hostPath);
        if (_links.TryGetValue(target, out string? known))
        {
            return known;
        }

        string path = NewName();
        if (HostCall.Symlink(hostPath, Directory, Encoding.ASCII.GetBytes(path)) < 0)
        {
            return null;
        }

        return _links[target] = path;
    }

    /// <summary>A name, in the directory, that nothing has yet.</summary>
    public string NewName() => (++_next).ToString(CultureInfo.InvariantCulture);

    /// <summary>Gives a held file that is no directory a second name in the directory; null when it takes none.</summary>
    public string? AnotherName(int file)
    {
        string name = NewName();
        return HostCall.LinkHeld(file, Directory, Encoding.ASCII.GetBytes(name)) < 0 ? null : name;
    }

    /// <summary>Removes such a name.</summary>
    public void Remove(string name) =>
        _ = HostCall.At(CallNumbers.Unlinkat, Directory, Encoding.ASCII.GetBytes(name));

    /// <summary>True when files can be moved between the directory and another one.</summary>
    public bool SharesFileSystem(int directory) =>
        HostCall.Status(Directory, out FileStatus own) == 0 && HostCall.Status(directory, out FileStatus other) == 0
        && (own.HolderMajor, own.HolderMinor) == (other.HolderMajor, other.HolderMinor);

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    private static byte[]? ReadLoader(int file, ReadOnlySpan<byte> entry)
    {
        long offset = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]);
        long length = BinaryPrimitives.ReadInt64LittleEndian(entry[32..]);
        if (length is < 2 or > 4096)
        {
            return null;
        }

        byte[] path = new byte[(int)length];
        return ReadAt(file, path, offset) && path.AsSpan().IndexOf((byte)0) is > 0 and int end ? path[..end] : null;
    }

    private static bool ReadAt(int file, Span<byte> buffer, long offset)
    {
        fixed (byte* bytes = buffer)
        {
            return HostCall.Invoke(CallNumbers.Pread, file, (nint)bytes, buffer.Length, (nint)offset) == buffer.Length;
        }
    }

    // The file that a link means may have been renamed, and another one be in its place.
    private bool IsIntact((string Path, long Bytes) known, in FileStatus status)
    {
        if (known.Bytes > 0)
        {
            return true;
        }

        long opened = HostCall.Open(Directory, Solver.Files.PathEncoding.Encode(known.Path), OpenFlags.Path);
        if (opened < 0)
        {
            return false;
        }

        using var file = new FileDescriptor((int)opened);
        return HostCall.Status(file.Value, out FileStatus now) == 0
            && (now.Inode, now.HolderMajor, now.HolderMinor) == (status.Inode, status.HolderMajor, status.HolderMinor);
    }

    private Errno Copy(int file, long size, byte[] path, byte[] loader, long headerOffset)
    {
        long opened = HostCall.Open(
            Directory, path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive, ImageMode);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        using var copy = new FileDescriptor((int)opened);
        if (Libc.IoctlInteger(copy.Value, Libc.IoctlClone, file) != 0 && CopyContent(file, copy.Value, size) is { } errno)
        {
            return errno;
        }

        if (loader.Length > 0)
        {
            byte[] text = [.. loader, 0];
            Span<byte> entry = stackalloc byte[ProgramHeaderBytes];
            if (!ReadAt(file, entry, headerOffset))
            {
                return Errno.EIO;
            }

            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], size); // where it is in the file
            BinaryPrimitives.WriteInt64LittleEndian(entry[32..], text.Length);
            return WriteAt(copy.Value, entry, headerOffset) && WriteAt(copy.Value, text, size) ? Errno.None : Libc.LastErrno;
        }

        return Errno.None;
    }

    private static Errno? CopyContent(int file, int copy, long size)
    {
        long done = 0;
        while (done < size)
        {
            long from = done;
            long to = done;
            nint count = Libc.CopyFileRange(file, &from, copy, &to, (nuint)(size - done), 0);
            if (count <= 0)
            {
                break;
            }

            done += count;
        }

        byte[] buffer = done < size ? new byte[CopyBytes] : [];
        while (done < size)
        {
            int count = (int)Math.Min(buffer.Length, size - done);
            if (!ReadAt(file, buffer.AsSpan(0, count), done))
            {
                return Errno.EIO;
            }

            if (!WriteAt(copy, buffer.AsSpan(0, count), done))
            {
                return Libc.LastErrno;
            }

            done += count;
        }

        return null;
    }

    private static bool WriteAt(int file, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* pointer = bytes)
        {
            return Libc.WriteAt(file, pointer, (nuint)bytes.Length, offset) == bytes.Length;
        }
    }

    // What runs keeps its file although the name is gone.
    private void Evict()
    {
        while (_heldBytes > MaxHeldBytes && _order.Count > 1)
        {
            Key oldest = _order.Dequeue();
            if (_images.Remove(oldest, out (string Path, long Bytes) image))
            {
                _heldBytes -= image.Bytes;
                _ = HostCall.At(CallNumbers.Unlinkat, Directory, Solver.Files.PathEncoding.Encode(image.Path));
            }
        }
    }
}
