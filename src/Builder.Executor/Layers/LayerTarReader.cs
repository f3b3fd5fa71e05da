// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// Reads tars of any writer: ustar, PAX (binary attributes, global headers), GNU long names, GNU and PAX sparse files,
/// base-256 numbers, v7. Paths come out clean, the rest as it stands. Every length is checked. Not thread-safe; the
/// input stays open.
/// </summary>
internal sealed class LayerTarReader
{
    private readonly Stream _input;
    private readonly byte[] _block = new byte[TarFormat.BlockBytes];
    private readonly PaxRecords _global = new();
    private readonly PaxRecords _local = new();
    private long _missing;
    private int _padding;
    private int _entries;
    private bool _ended;

    /// <summary>Reads from <paramref name="input"/>.</summary>
    public LayerTarReader(Stream input)
    {
        _input = input;
    }

    /// <summary>
    /// For a sparse file where the stored bytes belong, in ascending order; null for any other. The stored content is
    /// the regions' bytes one after the other.
    /// </summary>
    public IReadOnlyList<SparseRegion>? SparseRegions { get; private set; }

    /// <summary>The next entry, or null at the end. What is left of the current one's content is skipped.</summary>
    /// <exception cref="ContentException">The archive is malformed or exceeds a limit.</exception>
    public LayerEntry? Next()
    {
        SkipContent();
        SparseRegions = null;
        _local.Clear();
        byte[]? longName = null;
        byte[]? longLink = null;
        while (!_ended && ReadHeader())
        {
            long size = Number(TarFormat.SizeOffset, TarFormat.LongNumberBytes);
            if (size < 0)
            {
                throw Malformed("an entry has a negative size");
            }

            switch ((char)_block[TarFormat.TypeOffset])
            {
                case 'x' or 'X':
                    _local.Parse(ReadBody(size));
                    break;
                case 'g':
                    _global.Parse(ReadBody(size));
                    break;
                case 'L':
                    longName = TrimEnd(ReadBody(size));
                    break;
                case 'K':
                    longLink = TrimEnd(ReadBody(size));
                    break;
                case 'V':
                    // A volume's label is no file.
                    Begin(size);
                    SkipContent();
                    break;
                default:
                    if (++_entries > LayerLimits.MaxEntries)
                    {
                        throw new ContentException(
                            ContentFailure.TooLarge, $"read layer: it has more than {LayerLimits.MaxEntries} entries");
                    }

                    return Decode(size, longName, longLink);
            }
        }

        return _ended && (longName ?? longLink) is null && _local.IsEmpty ? null
            : throw Malformed("it ends after an extension header");
    }

    /// <summary>Reads stored content of the current entry; 0 at its end.</summary>
    public int ReadContent(Span<byte> buffer)
    {
        int wanted = (int)Math.Min(buffer.Length, _missing);
        if (wanted == 0)
        {
            return 0;
        }

        int count = _input.Read(buffer[..wanted]);
        if (count == 0)
        {
            throw Malformed("it is cut short");
        }

        _missing -= count;
        return count;
    }

    /// <summary>Reads what follows the archive's end, so that the whole input is seen (its digest covers that too).</summary>
    public void Drain()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        while (_input.Read(buffer) > 0)
        {
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static ContentException Malformed(string what) => new(ContentFailure.Malformed, $"read layer: {what}");

    private static byte[] TrimEnd(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)0);
        return (end < 0 ? text : text[..end]).ToArray();
    }

    /// <summary>Reads the next header into the block; false (and the end) at two blocks of zeros or the input's end.</summary>
    private bool ReadHeader()
    {
        if (!TryReadBlock())
        {
            // GNU tar warns, others do not mind: an archive without end blocks.
            _ended = true;
            return false;
        }

        if (!_block.AsSpan().ContainsAnyExcept((byte)0))
        {
            // One block of zeros is the end too: what follows is padding or, in damaged archives, anything.
            _ended = true;
            return false;
        }

        int sum = TarFormat.Checksum(_block);
        long expected = Number(TarFormat.ChecksumOffset, TarFormat.ShortNumberBytes);
        return sum == expected || SignedChecksum() == expected
            ? true
            : throw Malformed("a header's checksum is wrong");
    }

    // Some old writers summed signed characters.
    private int SignedChecksum()
    {
        int difference = 0;
        for (int i = 0; i < _block.Length; i++)
        {
            bool isChecksum = i is >= TarFormat.ChecksumOffset
                and < TarFormat.ChecksumOffset + TarFormat.ShortNumberBytes;
            difference += !isChecksum && _block[i] > 127 ? 256 : 0;
        }

        return TarFormat.Checksum(_block) - difference;
    }

    private bool TryReadBlock()
    {
        int count = _input.ReadAtLeast(_block, TarFormat.BlockBytes, throwOnEndOfStream: false);
        return count == TarFormat.BlockBytes || (count == 0 ? false : throw Malformed("it is cut short"));
    }

    private void Begin(long stored)
    {
        _missing = stored;
        _padding = TarFormat.Padding(stored);
    }

    private void SkipContent()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        _missing += _padding;
        _padding = 0;
        while (_missing > 0)
        {
            ReadContent(buffer);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    private byte[] ReadBody(long size)
    {
        if (size > LayerLimits.MaxHeaderBytes)
        {
            throw new ContentException(
                ContentFailure.TooLarge,
                $"read layer: an extension header has {size} bytes, the limit is {LayerLimits.MaxHeaderBytes}");
        }

        byte[] body = new byte[size];
        Begin(size);
        int length = 0;
        while (length < body.Length)
        {
            length += ReadContent(body.AsSpan(length));
        }

        SkipContent();
        return body;
    }

    private LayerEntry Decode(long size, byte[]? longName, byte[]? longLink)
    {
        char type = (char)_block[TarFormat.TypeOffset];
        byte[] rawPath = Pax("path") ?? longName ?? HeaderPath();
        byte[] link = Pax("linkpath") ?? longLink ?? Text(TarFormat.LinkOffset, TarFormat.LinkBytes);
        if (rawPath.Length > LayerLimits.MaxPathBytes || link.Length >= LayerLimits.MaxPathBytes)
        {
            throw new ContentException(
                ContentFailure.TooLarge, $"read layer: a name has more than {LayerLimits.MaxPathBytes} bytes");
        }

        FileKind kind = KindOf(type, rawPath);
        bool isFile = kind == FileKind.Regular && type != '1';
        size = PaxNumber("size") ?? size;
        if (size < 0)
        {
            throw Malformed("an entry has a negative size");
        }

        long realSize = size;
        if (isFile)
        {
            realSize = DecodeSparse(type, ref size, ref rawPath);
            Begin(size);
        }
        else
        {
            // Links and directories have no content, whatever their size says: that is how every reader takes it,
            // except for a hard link by pax(1), which may carry its file.
            Begin(type is '1' ? 0 : kind is FileKind.Directory or FileKind.Symlink ? 0 : size);
        }

        (long seconds, int nanoseconds) = _local.FindTime("mtime") ?? _global.FindTime("mtime")
            ?? (Number(TarFormat.ModifiedOffset, TarFormat.LongNumberBytes), 0);
        bool isDevice = kind is FileKind.CharacterDevice or FileKind.BlockDevice;
        return new LayerEntry
        {
            Path = RootedPath.Clean(rawPath),
            Kind = kind,
            Mode = (int)(Number(TarFormat.ModeOffset, TarFormat.ShortNumberBytes) & 0xFFF),
            UserId = Id("uid", TarFormat.UserIdOffset),
            GroupId = Id("gid", TarFormat.GroupIdOffset),
            Size = isFile ? realSize : 0,
            ModifiedSeconds = seconds,
            ModifiedNanoseconds = nanoseconds,
            LinkTarget = kind == FileKind.Symlink ? link : null,
            HardLinkTo = type == '1' ? RootedPath.Clean(link) : null,
            DeviceMajor = isDevice ? Device("SCHILY.devmajor", TarFormat.DeviceMajorOffset) : 0,
            DeviceMinor = isDevice ? Device("SCHILY.devminor", TarFormat.DeviceMinorOffset) : 0,
            Xattrs = _local.IsEmpty ? [] : _local.Xattrs(),
        };
    }

    private static FileKind KindOf(char type, byte[] path) => type switch
    {
        '\0' or '0' or '7' => path.Length > 0 && path[^1] == '/' ? FileKind.Directory : FileKind.Regular,
        '1' or 'S' => FileKind.Regular,
        '2' => FileKind.Symlink,
        '3' => FileKind.CharacterDevice,
        '4' => FileKind.BlockDevice,
        '5' or 'D' => FileKind.Directory,
        '6' => FileKind.Fifo,
        _ => throw new ContentException(
            ContentFailure.Malformed,
            $"read layer: entry \"{PathEncoding.Decode(path)}\" has the unknown type '{(char.IsAsciiLetterOrDigit(type) ? type : '?')}'"),
    };

    /// <summary>Recognises the four forms of sparse files; gives the size with holes and sets what is stored.</summary>
    private long DecodeSparse(char type, ref long stored, ref byte[] path)
    {
        SparseMapDecoder? map = type == 'S'
            ? SparseMapDecoder.FromGnuHeader(_block, ReadSparseExtension)
            : SparseMapDecoder.FromPax(_local);
        if (map is null)
        {
            return stored;
        }

        if (map.IsInContent)
        {
            // PAX 1.0: the map stands in front of the data.
            Begin(stored);
            long before = _missing;
            map.ReadFromContent(ReadContent);
            stored -= before - _missing;
        }

        path = map.Name ?? path;
        SparseRegions = map.Validate(stored);
        return map.RealSize;
    }

    private byte[] ReadSparseExtension() => TryReadBlock() ? _block : throw Malformed("it is cut short");

    private byte[]? Pax(string key) => _local.Find(key) ?? _global.Find(key);

    private long? PaxNumber(string key) => _local.FindNumber(key) ?? _global.FindNumber(key);

    private uint Id(string key, int offset)
    {
        long id = PaxNumber(key) ?? Number(offset, TarFormat.ShortNumberBytes);
        // -1 would mean "leave it as it is" to chown.
        return id is >= 0 and < uint.MaxValue ? (uint)id : throw Malformed($"an entry's {key} is {id}");
    }

    private uint Device(string key, int offset)
    {
        long number = PaxNumber(key) ?? Number(offset, TarFormat.ShortNumberBytes);
        return number is >= 0 and <= uint.MaxValue ? (uint)number : throw Malformed("a device number is out of range");
    }

    private long Number(int offset, int length) => TarNumbers.Parse(_block.AsSpan(offset, length));

    private byte[] Text(int offset, int length) => TrimEnd(_block.AsSpan(offset, length));

    private byte[] HeaderPath()
    {
        byte[] name = Text(0, TarFormat.NameBytes);
        // Only POSIX has a prefix there; GNU keeps times in that place.
        bool isPosix = _block.AsSpan(TarFormat.MagicOffset, 6).SequenceEqual("ustar\0"u8);
        byte[] prefix = isPosix ? Text(TarFormat.PrefixOffset, TarFormat.PrefixBytes) : [];
        return prefix.Length == 0 ? name : [.. prefix, (byte)'/', .. name];
    }
}
