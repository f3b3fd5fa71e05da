// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Layers;

/// <summary>The layout of a tar header. Source: POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
/// Format".</summary>
internal static class TarFormat
{
    /// <summary>Everything comes in blocks of this length.</summary>
    public const int BlockBytes = 512;

    /// <summary>Name field.</summary>
    public const int NameBytes = 100;

    /// <summary>Link name field.</summary>
    public const int LinkBytes = 100;

    /// <summary>Prefix field.</summary>
    public const int PrefixBytes = 155;

    public const int ModeOffset = 100;
    public const int UserIdOffset = 108;
    public const int GroupIdOffset = 116;
    public const int SizeOffset = 124;
    public const int ModifiedOffset = 136;
    public const int ChecksumOffset = 148;
    public const int TypeOffset = 156;
    public const int LinkOffset = 157;
    public const int MagicOffset = 257;
    public const int DeviceMajorOffset = 329;
    public const int DeviceMinorOffset = 337;
    public const int PrefixOffset = 345;

    /// <summary>Mode, ids and device numbers.</summary>
    public const int ShortNumberBytes = 8;

    /// <summary>Size and time.</summary>
    public const int LongNumberBytes = 12;

    /// <summary>The key under which PAX records hold an extended attribute.</summary>
    public const string XattrPrefix = "SCHILY.xattr.";

    /// <summary>"ustar", NUL and version "00".</summary>
    public static ReadOnlySpan<byte> UstarMagic => "ustar\000"u8;

    /// <summary>GNU's magic and version in one.</summary>
    public static ReadOnlySpan<byte> GnuMagic => "ustar  \0"u8;

    /// <summary>How many bytes fill a content up to a block.</summary>
    public static int Padding(long length) => (int)(-length & (BlockBytes - 1));

    /// <summary>The sum of all bytes of a header, its checksum field read as spaces.</summary>
    public static int Checksum(ReadOnlySpan<byte> header)
    {
        int sum = 0;
        foreach (byte value in header)
        {
            sum += value;
        }

        foreach (byte value in header.Slice(ChecksumOffset, ShortNumberBytes))
        {
            sum += ' ' - value;
        }

        return sum;
    }
}
