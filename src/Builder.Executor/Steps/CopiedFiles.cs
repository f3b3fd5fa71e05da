// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Builder.Executor.Context;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// What is recorded of the files that a COPY wrote: a set of digests, each over path, content, mode, owner and time of one
/// file, in a file beside the step records. Damaged or missing, it is empty.
/// </summary>
internal sealed class CopiedFiles
{
    private const int KeyBytes = 16;
    private const int MaxFiles = 2_000_000;

    private readonly HashSet<UInt128> _keys;

    private CopiedFiles(HashSet<UInt128> keys)
    {
        _keys = keys;
    }

    /// <summary>True when nothing is recorded.</summary>
    public bool IsEmpty => _keys.Count == 0;

    /// <summary>Reads a record.</summary>
    public static CopiedFiles Load(string path)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new CopiedFiles([]);
        }

        int end = file.Length - SHA256.HashSizeInBytes;
        return end < 0 || end % KeyBytes != 0
            || !SHA256.HashData(file.AsSpan(0, end)).AsSpan().SequenceEqual(file.AsSpan(end))
            ? new CopiedFiles([])
            : new CopiedFiles([.. MemoryMarshal.Cast<byte, UInt128>(file.AsSpan(0, end))]);
    }

    /// <summary>Records the files that were written, by their keys; failing to is no failure of the build.</summary>
    public static void Save(string path, IEnumerable<UInt128> files)
    {
        UInt128[] keys = [.. files.Take(MaxFiles)];
        byte[] file = new byte[(keys.Length * KeyBytes) + SHA256.HashSizeInBytes];
        MemoryMarshal.AsBytes(keys).CopyTo(file);
        SHA256.HashData(file.AsSpan(0, keys.Length * KeyBytes), file.AsSpan(keys.Length * KeyBytes));
        string temporary = $"{path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(temporary, file);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // the next build writes its files instead of linking them
        }
    }

    /// <summary>True when a file like that was written.</summary>
    public bool Has(UInt128 key) => _keys.Contains(key);

    /// <summary>The digest of a planned file; null when its content's digest is not at hand, or it has attributes or
    /// several names.</summary>
    public static UInt128? KeyOf(LayerPlanEntry entry)
    {
        if (entry.Content is not TreeContent { Tree: LocalContext context } content
            || entry.HardLinkTo is not null || !entry.Node.Xattrs.IsEmpty)
        {
            return null;
        }

        FileNode node = entry.Node;
        byte[] path = PathEncoding.Encode(entry.Path);
        int fixedBytes = SHA256.HashSizeInBytes + (7 * sizeof(long));
        Span<byte> key = path.Length <= 512 ? stackalloc byte[fixedBytes + 512] : new byte[fixedBytes + path.Length];
        context.ContentDigest(content.Path).CopyTo(key);
        Span<long> numbers = MemoryMarshal.Cast<byte, long>(key[SHA256.HashSizeInBytes..fixedBytes]);
        numbers[0] = node.Mode;
        numbers[1] = node.UserId;
        numbers[2] = node.GroupId;
        numbers[3] = node.Size;
        numbers[4] = node.ModifiedSeconds;
        numbers[5] = node.ModifiedNanoseconds;
        numbers[6] = path.Length;
        path.CopyTo(key[fixedBytes..]);
        Span<byte> result = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key[..(fixedBytes + path.Length)], result);
        return MemoryMarshal.Read<UInt128>(result);
    }
}
