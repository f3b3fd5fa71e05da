// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Context;

/// <summary>What is remembered of a file's content.</summary>
/// <param name="Digest">SHA-256 of its bytes.</param>
/// <param name="HasXattrs">It has attributes that belong into a layer.</param>
internal readonly record struct KnownContent(Digest Digest, bool HasXattrs);

/// <summary>
/// Digests of files by their stamps, as git's index keeps them, in one file: a header, records sorted by device and
/// inode, a SHA-256 of all that. A damaged or foreign file is as none. A file that changed in the tick in which it was
/// read is not remembered ("racily clean"). Thread-safe; saving replaces the file by one rename.
/// </summary>
internal sealed unsafe class ContentIndex
{
    private const ulong Magic = 0x32_58_44_49_44_4C_42; // "BLDIDX2"
    private const int MaxRecords = 2_000_000;
    private const byte MaxAge = 20;

    private readonly string _path;
    private readonly byte[] _file;
    private readonly byte[] _used;
    private readonly ConcurrentDictionary<(ulong Device, ulong Inode), Record> _added = new();

    private ContentIndex(string path, byte[] file)
    {
        _path = path;
        _file = file;
        _used = new byte[Records.Length];
    }

    private ReadOnlySpan<Record> Records => _file.Length == 0
        ? []
        : MemoryMarshal.Cast<byte, Record>(_file.AsSpan(sizeof(Header), _file.Length - sizeof(Header) - SHA256.HashSizeInBytes));

    /// <summary>Reads an index; a missing or damaged one is empty.</summary>
    public static ContentIndex Load(string path)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new ContentIndex(path, []);
        }

        return new ContentIndex(path, IsSound(file) ? file : []);
    }

    /// <summary>What is known of the file in this state, or null.</summary>
    public KnownContent? Find(in FileStamp stamp)
    {
        if (_added.TryGetValue((stamp.Device, stamp.Inode), out Record added))
        {
            return added.Stamp == stamp ? added.ToContent() : null;
        }

        int index = IndexOf(stamp);
        if (index < 0 || Records[index].Stamp != stamp)
        {
            return null;
        }

        _used[index] = 1;
        return Records[index].ToContent();
    }

    /// <summary>Remembers the content of a file that was read at a time, unless its stamp could hide a later change.</summary>
    public void Add(in FileStamp stamp, KnownContent content, DateTimeOffset readAt)
    {
        long ticks = readAt.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        long nanoseconds = ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        if (!stamp.IsRacyAt(ticks / TimeSpan.TicksPerSecond, nanoseconds))
        {
            _added[(stamp.Device, stamp.Inode)] = Record.From(stamp, content);
        }
    }

    /// <summary>Writes the index if there is anything new. Failing to is no failure of the build: false then.</summary>
    public bool Save()
    {
        if (_added.IsEmpty)
        {
            return true;
        }

        string temporary = $"{_path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                Write(file);
            }

            File.Move(temporary, _path, overwrite: true);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // In small pieces: a context can have a million files.
    private void Write(FileStream file)
    {
        const int RecordsInPiece = 512;
        Record[] added = [.. _added.Values];
        Array.Sort(added, static (a, b) => a.Stamp.CompareFile(b.Stamp));
        byte[] used = [.. _used];
        int count = Math.Min(Merge(added, used).Count(), MaxRecords);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var header = new Header { Magic = Magic, Count = count, RecordBytes = sizeof(Record) };
        Put(MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)));
        foreach (Record[] piece in Merge(added, used).Take(count).Chunk(RecordsInPiece))
        {
            Put(MemoryMarshal.AsBytes(piece.AsSpan()));
        }

        file.Write(hash.GetHashAndReset());

        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            file.Write(bytes);
        }
    }

    private static bool IsSound(byte[] file)
    {
        if (file.Length < sizeof(Header) + SHA256.HashSizeInBytes)
        {
            return false;
        }

        Header header = MemoryMarshal.Read<Header>(file);
        return header.Magic == Magic && header.RecordBytes == sizeof(Record)
            && file.Length == sizeof(Header) + ((long)header.Count * sizeof(Record)) + SHA256.HashSizeInBytes
            && SHA256.HashData(file.AsSpan(..^SHA256.HashSizeInBytes)).AsSpan().SequenceEqual(file.AsSpan(^SHA256.HashSizeInBytes..));
    }

    /// <summary>What was added, and what was there for files that were seen lately; sorted.</summary>
    private IEnumerable<Record> Merge(Record[] added, byte[] used)
    {
        int next = 0;
        for (int i = 0; i < used.Length; i++)
        {
            Record old = Records[i];
            for (; next < added.Length && added[next].Stamp.CompareFile(old.Stamp) < 0; next++)
            {
                yield return added[next];
            }

            int age = used[i] != 0 ? 0 : old.Age + 1;
            if (age <= MaxAge && (next == added.Length || added[next].Stamp.CompareFile(old.Stamp) != 0))
            {
                yield return old with { Age = (byte)age };
            }
        }

        for (; next < added.Length; next++)
        {
            yield return added[next];
        }
    }

    private int IndexOf(in FileStamp stamp)
    {
        ReadOnlySpan<Record> records = Records;
        int low = 0;
        int high = records.Length - 1;
        while (low <= high)
        {
            int middle = (int)(((uint)low + (uint)high) >> 1);
            int order = records[middle].Stamp.CompareFile(stamp);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 8)]
    private struct Header
    {
        public ulong Magic;
        public int Count;
        public int RecordBytes;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 8)]
    private record struct Record
    {
        public FileStamp Stamp;
        public Digest Digest;
        public byte HasXattrs;
        public byte Age;

        public static Record From(in FileStamp stamp, KnownContent content) =>
            new() { Stamp = stamp, Digest = content.Digest, HasXattrs = content.HasXattrs ? (byte)1 : (byte)0 };

        public readonly KnownContent ToContent() => new(Digest, HasXattrs != 0);
    }
}
