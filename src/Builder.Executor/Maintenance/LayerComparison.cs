// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>A path at which two layers differ.</summary>
/// <param name="Path">The path, without a leading '/'.</param>
/// <param name="Differences">What differs, each in words.</param>
public sealed record PathDifference(string Path, ImmutableArray<string> Differences);

/// <summary>
/// Compares layers file by file: kind, content, mode, owner, time, link, device, extended attributes. Memory grows with
/// the number of files, not with their size.
/// </summary>
public sealed class LayerComparison
{
    private const int CopyBytes = 256 * 1024;
    private const int ShownDigits = 12;

    private readonly Store _store;
    private readonly LayerSource _source;
    private readonly bool _ignoresTimes;

    /// <summary>A comparison of layers of a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="fetcher">Brings layers that it lacks.</param>
    /// <param name="ignoresTimes">Modification times do not count.</param>
    public LayerComparison(Store store, ILayerFetcher? fetcher, bool ignoresTimes)
    {
        _store = store;
        _source = new LayerSource(store, fetcher);
        _ignoresTimes = ignoresTimes;
    }

    /// <summary>The paths at which two layers differ, sorted; a missing layer is as an empty one.</summary>
    public async Task<ImmutableArray<PathDifference>> CompareAsync(
        DiffId? one, DiffId? other, CancellationToken cancellationToken)
    {
        SortedDictionary<string, FileSummary> before = await ReadAsync(one, cancellationToken).ConfigureAwait(false);
        SortedDictionary<string, FileSummary> after = await ReadAsync(other, cancellationToken).ConfigureAwait(false);
        var differences = ImmutableArray.CreateBuilder<PathDifference>();
        foreach (string path in before.Keys.Union(after.Keys).Order(PathEncoding.ByteOrder))
        {
            ImmutableArray<string> found = (before.GetValueOrDefault(path), after.GetValueOrDefault(path)) switch
            {
                ({ } only, null) => [$"only in the image: {only.Describe()}"],
                (null, { } only) => [$"only in the rebuild: {only.Describe()}"],
                var (first, second) => [.. first!.Compare(second!, _ignoresTimes)],
            };
            if (!found.IsEmpty)
            {
                differences.Add(new PathDifference(path, found));
            }
        }

        return differences.ToImmutable();
    }

    private async Task<SortedDictionary<string, FileSummary>> ReadAsync(DiffId? layer, CancellationToken cancellationToken)
    {
        var files = new SortedDictionary<string, FileSummary>(StringComparer.Ordinal);
        if (layer is not { } known)
        {
            return files;
        }

        Descriptor stored = await _source.EnsureAsync(known, cancellationToken).ConfigureAwait(false);
        using Stream tar = LayerCompression.OpenRead(_store.Blobs.Open(stored.Digest));
        var reader = new LayerTarReader(tar);
        byte[] buffer = new byte[CopyBytes];
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            files[PathEncoding.Decode(entry.Path)] = new FileSummary(entry, entry.HasContent ? DigestContent(reader, buffer) : null);
        }

        return files;
    }

    private static Digest DigestContent(LayerTarReader reader, byte[] buffer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int count;
        while ((count = reader.ReadContent(buffer)) > 0)
        {
            hash.AppendData(buffer, 0, count);
        }

        // Where a sparse file's stored bytes belong is part of its content.
        foreach (SparseRegion region in reader.SparseRegions ?? [])
        {
            hash.AppendData(BitConverter.GetBytes(region.Offset));
            hash.AppendData(BitConverter.GetBytes(region.Length));
        }

        return Digest.FromHash(hash.GetHashAndReset());
    }

    /// <summary>What a layer says of one path.</summary>
    private sealed record FileSummary(LayerEntry Entry, Digest? Content)
    {
        public string Describe() => Entry.HardLinkTo is { } first
            ? $"another name of {PathEncoding.Decode(first)}"
            : Content is { } content
                ? $"a file of {Entry.Size.ToString(CultureInfo.InvariantCulture)} bytes, {Short(content)}"
                : Entry.Kind.ToString().ToLowerInvariant();

        public IEnumerable<string> Compare(FileSummary other, bool ignoresTimes)
        {
            if (Entry.Kind != other.Entry.Kind || (Entry.HardLinkTo is null) != (other.Entry.HardLinkTo is null))
            {
                yield return $"{Describe()} -> {other.Describe()}";
                yield break;
            }

            if (Content != other.Content)
            {
                yield return Entry.Size == other.Entry.Size
                    ? $"content {Short(Content)} -> {Short(other.Content)}"
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"content {Short(Content)} ({Entry.Size} bytes) -> {Short(other.Content)} ({other.Entry.Size} bytes)");
            }

            foreach (string difference in CompareFields(other.Entry, ignoresTimes))
            {
                yield return difference;
            }
        }

        private IEnumerable<string> CompareFields(LayerEntry other, bool ignoresTimes)
        {
            if (Entry.Mode != other.Mode)
            {
                yield return $"mode {Octal(Entry.Mode)} -> {Octal(other.Mode)}";
            }

            if ((Entry.UserId, Entry.GroupId) != (other.UserId, other.GroupId))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture, $"owner {Entry.UserId}:{Entry.GroupId} -> {other.UserId}:{other.GroupId}");
            }

            if (!ignoresTimes
                && (Entry.ModifiedSeconds, Entry.ModifiedNanoseconds) != (other.ModifiedSeconds, other.ModifiedNanoseconds))
            {
                yield return $"mtime {Time(Entry)} -> {Time(other)}";
            }

            if (Text(Entry.LinkTarget ?? Entry.HardLinkTo) is var target && target != Text(other.LinkTarget ?? other.HardLinkTo))
            {
                yield return $"link {target} -> {Text(other.LinkTarget ?? other.HardLinkTo)}";
            }

            if ((Entry.DeviceMajor, Entry.DeviceMinor) != (other.DeviceMajor, other.DeviceMinor))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"device {Entry.DeviceMajor}:{Entry.DeviceMinor} -> {other.DeviceMajor}:{other.DeviceMinor}");
            }

            Dictionary<string, string> before = Attributes(Entry);
            Dictionary<string, string> after = Attributes(other);
            foreach (string name in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
            {
                string one = before.GetValueOrDefault(name, "none");
                string two = after.GetValueOrDefault(name, "none");
                if (one != two)
                {
                    yield return $"xattr {name} {one} -> {two}";
                }
            }
        }

        private static Dictionary<string, string> Attributes(LayerEntry entry) => entry.Xattrs.ToDictionary(
            attribute => attribute.Name, attribute => $"0x{Convert.ToHexStringLower(attribute.Value.AsSpan())}", StringComparer.Ordinal);

        private static string Text(byte[]? path) => path is null ? "none" : PathEncoding.Decode(path);

        private static string Short(Digest? digest) => digest is { } known ? $"sha256:{known.Hex[..ShownDigits]}" : "none";

        private static string Octal(int mode) => Convert.ToString(mode, 8).PadLeft(4, '0');

        private static string Time(LayerEntry entry)
        {
            string fraction = entry.ModifiedNanoseconds == 0
                ? ""
                : "." + entry.ModifiedNanoseconds.ToString("D9", CultureInfo.InvariantCulture);
            return DateTimeOffset.FromUnixTimeSeconds(entry.ModifiedSeconds)
                .ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + fraction + "Z";
        }
    }
}
