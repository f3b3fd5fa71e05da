// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Content;

namespace Builder.Executor.Layers;

/// <summary>
/// The maps of sparse files: GNU's old header type 'S' and the PAX forms 0.0, 0.1 and 1.0. Source: GNU tar manual,
/// "Storing Sparse Files".
/// </summary>
internal sealed class SparseMapDecoder
{
    private const int RegionBytes = 2 * TarFormat.LongNumberBytes;
    private const int GnuMapOffset = 386;
    private const int GnuMapRegions = 4;
    private const int GnuExtendedOffset = 482;
    private const int GnuRealSizeOffset = 483;
    private const int ExtensionRegions = 21;
    private const int ExtensionExtendedOffset = 504;

    private readonly List<SparseRegion> _regions = [];

    /// <summary>Reads stored content of the entry.</summary>
    public delegate int ContentReader(Span<byte> buffer);

    /// <summary>Length with holes.</summary>
    public long RealSize { get; private init; }

    /// <summary>The file's true name, when the header shows another.</summary>
    public byte[]? Name { get; private init; }

    /// <summary>True when the map stands in front of the data (PAX 1.0).</summary>
    public bool IsInContent { get; private init; }

    /// <summary>GNU's old form: four regions in the header, the others in blocks that follow.</summary>
    public static SparseMapDecoder FromGnuHeader(byte[] header, Func<byte[]> readExtension)
    {
        var map = new SparseMapDecoder
        {
            RealSize = TarNumbers.Parse(header.AsSpan(GnuRealSizeOffset, TarFormat.LongNumberBytes)),
        };
        // The extension is read into the same block; the caller needs the header again.
        byte[] saved = [.. header];
        map.AddBlock(header.AsSpan(GnuMapOffset), GnuMapRegions);
        bool more = header[GnuExtendedOffset] != 0;
        while (more)
        {
            byte[] extension = readExtension();
            map.AddBlock(extension, ExtensionRegions);
            more = extension[ExtensionExtendedOffset] != 0;
        }

        saved.CopyTo(header, 0);
        return map;
    }

    /// <summary>One of the PAX forms, or null for an ordinary file.</summary>
    public static SparseMapDecoder? FromPax(PaxRecords records)
    {
        if (records.IsEmpty)
        {
            return null;
        }

        if (records.FindNumber("GNU.sparse.major") is 1)
        {
            return new SparseMapDecoder
            {
                RealSize = records.FindNumber("GNU.sparse.realsize") ?? 0,
                Name = records.Find("GNU.sparse.name"),
                IsInContent = true,
            };
        }

        long? size = records.FindNumber("GNU.sparse.size");
        if (size is null)
        {
            return null;
        }

        var map = new SparseMapDecoder { RealSize = size.Value, Name = records.Find("GNU.sparse.name") };
        if (records.Find("GNU.sparse.map") is { } list)
        {
            map.AddList(System.Text.Encoding.ASCII.GetString(list).Split(','));
        }
        else
        {
            // 0.0: offset and length are records of their own, over and over.
            map.AddList([.. records.All
                .Where(record => record.Key is "GNU.sparse.offset" or "GNU.sparse.numbytes")
                .Select(record => System.Text.Encoding.ASCII.GetString(record.Value))]);
        }

        return map;
    }

    /// <summary>Reads the map of PAX 1.0: decimal lines, padded to a block.</summary>
    public void ReadFromContent(ContentReader read)
    {
        int position = 0;
        long Line()
        {
            Span<byte> one = stackalloc byte[1];
            long value = 0;
            int digits = 0;
            while (true)
            {
                if (read(one) != 1)
                {
                    throw Malformed();
                }

                position++;
                if (one[0] == '\n')
                {
                    return digits > 0 ? value : throw Malformed();
                }

                if (one[0] is < (byte)'0' or > (byte)'9' || ++digits > 18)
                {
                    throw Malformed();
                }

                value = (value * 10) + (one[0] - '0');
            }
        }

        long count = Line();
        if (count > LayerLimits.MaxSparseRegions)
        {
            throw TooMany();
        }

        for (long i = 0; i < count; i++)
        {
            long offset = Line();
            _regions.Add(new SparseRegion(offset, Line()));
        }

        Span<byte> rest = stackalloc byte[TarFormat.BlockBytes];
        int padding = TarFormat.Padding(position);
        while (padding > 0)
        {
            int skipped = read(rest[..padding]);
            padding = skipped > 0 ? padding - skipped : throw Malformed();
        }
    }

    /// <summary>The regions, checked: ascending, apart, inside the file, as many bytes as are stored.</summary>
    public IReadOnlyList<SparseRegion> Validate(long stored)
    {
        long end = 0;
        long sum = 0;
        foreach (SparseRegion region in _regions)
        {
            if (region.Offset < end || region.Length < 0 || region.Offset > RealSize - region.Length)
            {
                throw Malformed();
            }

            end = region.Offset + region.Length;
            sum += region.Length;
        }

        return sum == stored ? _regions : throw Malformed();
    }

    private static ContentException Malformed() =>
        new(ContentFailure.Malformed, "read layer: the map of a sparse file is wrong");

    private static ContentException TooMany() => new(
        ContentFailure.TooLarge, $"read layer: a sparse file has more than {LayerLimits.MaxSparseRegions} regions");

    private void AddBlock(ReadOnlySpan<byte> map, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> region = map.Slice(i * RegionBytes, RegionBytes);
            if (region[0] == 0)
            {
                return;
            }

            if (_regions.Count >= LayerLimits.MaxSparseRegions)
            {
                throw TooMany();
            }

            _regions.Add(new SparseRegion(
                TarNumbers.Parse(region[..TarFormat.LongNumberBytes]),
                TarNumbers.Parse(region[TarFormat.LongNumberBytes..])));
        }
    }

    private void AddList(string[] numbers)
    {
        if (numbers.Length / 2 > LayerLimits.MaxSparseRegions)
        {
            throw TooMany();
        }

        for (int i = 0; i + 1 < numbers.Length; i += 2)
        {
            if (!long.TryParse(numbers[i], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
                || !long.TryParse(numbers[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out long length))
            {
                throw Malformed();
            }

            _regions.Add(new SparseRegion(offset, length));
        }
    }
}
