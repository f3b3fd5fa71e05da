// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Globalization;
using System.Text;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// The canonical header of an entry: ustar where it suffices, PAX records, sorted by key, only for what ustar cannot say
/// (long names, large numbers, sub-second times, attributes). Numeric ids only, no access or change times.
/// </summary>
internal static class TarHeaderEncoder
{
    private const int PaxMode = 0b110_100_100;
    private const long MaxShortNumber = 0x1F_FFFF /* seven octal digits */;
    private const long MaxLongNumber = 0x1_FFFF_FFFF /* eleven octal digits */;

    /// <summary>Appends the header blocks of an entry.</summary>
    public static void Encode(LayerEntry entry, IBufferWriter<byte> output)
    {
        byte[] path = entry.Kind == FileKind.Directory ? [.. entry.Path, (byte)'/'] : entry.Path;
        byte[] link = entry.HardLinkTo ?? entry.LinkTarget ?? [];
        var records = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        bool fits = TrySplit(path, out int prefixLength);
        if (!fits)
        {
            records["path"] = path;
        }

        if (link.Length > TarFormat.LinkBytes)
        {
            records["linkpath"] = link;
        }

        AddNumber(records, "uid", entry.UserId, MaxShortNumber);
        AddNumber(records, "gid", entry.GroupId, MaxShortNumber);
        AddNumber(records, "size", entry.Size, MaxLongNumber);
        AddNumber(records, "SCHILY.devmajor", entry.DeviceMajor, MaxShortNumber);
        AddNumber(records, "SCHILY.devminor", entry.DeviceMinor, MaxShortNumber);
        if (entry.ModifiedNanoseconds != 0 || entry.ModifiedSeconds is < 0 or > MaxLongNumber)
        {
            records["mtime"] = Encoding.ASCII.GetBytes(FormatTime(entry.ModifiedSeconds, entry.ModifiedNanoseconds));
        }

        foreach (ExtendedAttribute attribute in entry.Xattrs)
        {
            records[TarFormat.XattrPrefix + attribute.Name] = attribute.Value.AsSpan().ToArray();
        }

        if (records.Count > 0)
        {
            EncodePax(entry, records, output);
        }

        Span<byte> header = output.GetSpan(TarFormat.BlockBytes)[..TarFormat.BlockBytes];
        header.Clear();
        if (fits)
        {
            path.AsSpan(0, prefixLength).CopyTo(header[TarFormat.PrefixOffset..]);
            path.AsSpan(prefixLength == 0 ? 0 : prefixLength + 1).CopyTo(header);
        }
        else
        {
            path.AsSpan(0, TarFormat.NameBytes).CopyTo(header);
        }

        link.AsSpan(0, Math.Min(link.Length, TarFormat.LinkBytes)).CopyTo(header[TarFormat.LinkOffset..]);
        Fill(header, entry);
        output.Advance(TarFormat.BlockBytes);
    }

    /// <summary>Seconds with as many decimals as are needed: "-1.5" is half a second before -1.</summary>
    internal static string FormatTime(long seconds, int nanoseconds)
    {
        if (nanoseconds == 0)
        {
            return seconds.ToString(CultureInfo.InvariantCulture);
        }

        bool negative = seconds < 0;
        long whole = negative ? -(seconds + 1) : seconds;
        int fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
        string decimals = fraction.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0');
        return string.Create(CultureInfo.InvariantCulture, $"{(negative ? "-" : "")}{whole}.{decimals}");
    }

    private static void EncodePax(
        LayerEntry entry, SortedDictionary<string, byte[]> records, IBufferWriter<byte> output)
    {
        var body = new ArrayBufferWriter<byte>(256);
        foreach ((string key, byte[] value) in records)
        {
            body.Write(Record(key, value));
        }

        int slash = entry.Path.AsSpan().LastIndexOf((byte)'/');
        ReadOnlySpan<byte> name = entry.Path.AsSpan(slash + 1);
        ReadOnlySpan<byte> folder = "PaxHeaders/"u8;
        Span<byte> header = output.GetSpan(TarFormat.BlockBytes)[..TarFormat.BlockBytes];
        header.Clear();
        folder.CopyTo(header);
        name[..Math.Min(name.Length, TarFormat.NameBytes - folder.Length)].CopyTo(header[folder.Length..]);
        WriteOctal(header.Slice(TarFormat.ModeOffset, TarFormat.ShortNumberBytes), PaxMode);
        WriteOctal(header.Slice(TarFormat.UserIdOffset, TarFormat.ShortNumberBytes), 0);
        WriteOctal(header.Slice(TarFormat.GroupIdOffset, TarFormat.ShortNumberBytes), 0);
        WriteOctal(header.Slice(TarFormat.SizeOffset, TarFormat.LongNumberBytes), body.WrittenCount);
        WriteOctal(header.Slice(TarFormat.ModifiedOffset, TarFormat.LongNumberBytes), 0);
        header[TarFormat.TypeOffset] = (byte)'x';
        Seal(header);
        output.Advance(TarFormat.BlockBytes);

        output.Write(body.WrittenSpan);
        int padding = TarFormat.Padding(body.WrittenCount);
        output.GetSpan(TarFormat.BlockBytes)[..padding].Clear();
        output.Advance(padding);
    }

    private static void Fill(Span<byte> header, LayerEntry entry)
    {
        WriteOctal(header.Slice(TarFormat.ModeOffset, TarFormat.ShortNumberBytes), entry.Mode);
        WriteNumber(header.Slice(TarFormat.UserIdOffset, TarFormat.ShortNumberBytes), entry.UserId, MaxShortNumber);
        WriteNumber(header.Slice(TarFormat.GroupIdOffset, TarFormat.ShortNumberBytes), entry.GroupId, MaxShortNumber);
        WriteNumber(header.Slice(TarFormat.SizeOffset, TarFormat.LongNumberBytes), entry.Size, MaxLongNumber);
        WriteNumber(
            header.Slice(TarFormat.ModifiedOffset, TarFormat.LongNumberBytes), entry.ModifiedSeconds, MaxLongNumber);
        header[TarFormat.TypeOffset] = entry.HardLinkTo is not null ? (byte)'1' : entry.Kind switch
        {
            FileKind.Regular => (byte)'0',
            FileKind.Symlink => (byte)'2',
            FileKind.CharacterDevice => (byte)'3',
            FileKind.BlockDevice => (byte)'4',
            FileKind.Directory => (byte)'5',
            FileKind.Fifo => (byte)'6',
            _ => throw new ArgumentException($"a {entry.Kind} has no place in a layer", nameof(entry)),
        };
        if (entry.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
        {
            WriteNumber(
                header.Slice(TarFormat.DeviceMajorOffset, TarFormat.ShortNumberBytes), entry.DeviceMajor, MaxShortNumber);
            WriteNumber(
                header.Slice(TarFormat.DeviceMinorOffset, TarFormat.ShortNumberBytes), entry.DeviceMinor, MaxShortNumber);
        }

        Seal(header);
    }

    private static void Seal(Span<byte> header)
    {
        TarFormat.UstarMagic.CopyTo(header[TarFormat.MagicOffset..]);
        int sum = TarFormat.Checksum(header);
        // Six digits, NUL, space: the form of every tar.
        WriteOctal(header.Slice(TarFormat.ChecksumOffset, TarFormat.ShortNumberBytes - 1), sum);
        header[TarFormat.ChecksumOffset + TarFormat.ShortNumberBytes - 1] = (byte)' ';
    }

    private static void AddNumber(SortedDictionary<string, byte[]> records, string key, long value, long max)
    {
        if (value > max)
        {
            records[key] = Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
        }
    }

    // A number that a PAX record says is 0 here.
    private static void WriteNumber(Span<byte> field, long value, long max) =>
        WriteOctal(field, value >= 0 && value <= max ? value : 0);

    private static void WriteOctal(Span<byte> field, long value)
    {
        field[^1] = 0;
        for (int i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }
    }

    // "LENGTH KEY=VALUE\n", where LENGTH counts itself.
    private static byte[] Record(string key, byte[] value)
    {
        byte[] name = PathEncoding.Encode(key);
        int content = 1 /* space */ + name.Length + 1 /* = */ + value.Length + 1 /* newline */;
        int total = content + Digits(content);
        total = content + Digits(total);
        byte[] prefix = Encoding.ASCII.GetBytes(total.ToString(CultureInfo.InvariantCulture));
        return [.. prefix, (byte)' ', .. name, (byte)'=', .. value, (byte)'\n'];
    }

    private static int Digits(int value) => value.ToString(CultureInfo.InvariantCulture).Length;

    // A path of up to 100 bytes goes into the name; one that has a '/' at the right place into prefix and name.
    private static bool TrySplit(ReadOnlySpan<byte> path, out int prefixLength)
    {
        prefixLength = 0;
        if (path.Length <= TarFormat.NameBytes)
        {
            return true;
        }

        // The last byte may be the '/' of a directory: the name must not be empty.
        int end = Math.Min(path.Length - 1, TarFormat.PrefixBytes + 1);
        prefixLength = path[..end].LastIndexOf((byte)'/');
        return prefixLength > 0 && path.Length - prefixLength - 1 <= TarFormat.NameBytes;
    }
}
