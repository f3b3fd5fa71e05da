// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Images;
using Microsoft.Extensions.Caching.Distributed;

namespace Builder.Executor.Images;

/// <summary>
/// Makes layers in which no file is newer than SOURCE_DATE_EPOCH (<c>rewrite-timestamp=true</c>): what RUN wrote gets the
/// same times in every build. The layers of the base image stay as they are. What a layer became is remembered.
/// Thread-safe.
/// </summary>
public sealed class TimestampRewriter
{
    private const string KeyPrefix = "rewritten-";
    private const int CopyBytes = 256 * 1024;

    private readonly Store _store;
    private readonly IDistributedCache _records;
    private readonly LayerSource _source;

    /// <summary>
    /// A rewriter over a store; <paramref name="fetcher"/> gives the layers that it lacks, <paramref name="records"/> keeps
    /// what they became.
    /// </summary>
    public TimestampRewriter(Store store, ILayerFetcher? fetcher, IDistributedCache records)
    {
        _store = store;
        _records = records;
        _source = new LayerSource(store, fetcher);
    }

    /// <summary>The image with rewritten layers.</summary>
    /// <exception cref="ContentException">The build has no SOURCE_DATE_EPOCH.</exception>
    public async Task<PlatformImage> RewriteAsync(PlatformImage image, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Epoch is not { } epoch)
        {
            throw new ContentException(ContentFailure.Malformed, "rewrite timestamps: the build has no SOURCE_DATE_EPOCH")
            {
                Hint = "give --timestamp SECONDS, or set SOURCE_DATE_EPOCH",
            };
        }

        ImmutableArray<DiffId>.Builder layers = ImmutableArray.CreateBuilder<DiffId>();
        for (int i = 0; i < image.Config.RootFs.Layers.Length; i++)
        {
            DiffId layer = image.Config.RootFs.Layers[i];
            layers.Add(i < image.BaseLayerCount ? layer : await RewriteAsync(layer, epoch, cancellationToken).ConfigureAwait(false));
        }

        return image with { Config = image.Config with { RootFs = new LayerStack(layers.ToImmutable()) } };
    }

    private async Task<DiffId> RewriteAsync(DiffId layer, long epoch, CancellationToken cancellationToken)
    {
        string key = string.Create(CultureInfo.InvariantCulture, $"{KeyPrefix}{layer.Value.Hex}-{epoch}");
        if (_records.Get(key) is { } known
            && Digest.TryParse(System.Text.Encoding.ASCII.GetString(known), out Digest rewritten) && _store.Blobs.Contains(rewritten))
        {
            return new DiffId(rewritten);
        }

        Descriptor stored = await _source.EnsureAsync(layer, cancellationToken).ConfigureAwait(false);
        Digest made = await Task.Run(() => Rewrite(stored, epoch, cancellationToken), cancellationToken).ConfigureAwait(false);
        _records.Set(key, System.Text.Encoding.ASCII.GetBytes(made.ToString()), new DistributedCacheEntryOptions());
        return new DiffId(made);
    }

    private Digest Rewrite(Descriptor stored, long epoch, CancellationToken cancellationToken)
    {
        using Stream tar = LayerCompression.OpenRead(_store.Blobs.Open(stored.Digest));
        using BlobWriteStream blob = _store.Blobs.BeginWrite();
        var reader = new LayerTarReader(tar);
        var writer = new LayerTarWriter(blob);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool isNewer = entry.ModifiedSeconds > epoch || (entry.ModifiedSeconds == epoch && entry.ModifiedNanoseconds > 0);
            writer.WriteEntry(isNewer ? entry with { ModifiedSeconds = epoch, ModifiedNanoseconds = 0 } : entry);
            if (entry.HasContent)
            {
                CopyContent(reader, writer, entry.Size, buffer);
            }
        }

        ArrayPool<byte>.Shared.Return(buffer);
        writer.Finish();
        return blob.Commit();
    }

    private static void CopyContent(LayerTarReader reader, LayerTarWriter writer, long size, byte[] buffer)
    {
        long position = 0;
        foreach (SparseRegion region in reader.SparseRegions ?? [new SparseRegion(0, size)])
        {
            WriteZeros(writer, region.Offset - position, buffer);
            long missing = region.Length;
            while (missing > 0)
            {
                int count = reader.ReadContent(buffer.AsSpan(0, (int)Math.Min(buffer.Length, missing)));
                if (count == 0)
                {
                    throw new ContentException(ContentFailure.Malformed, "rewrite timestamps: a file of the layer is cut short");
                }

                writer.WriteContent(buffer.AsSpan(0, count));
                missing -= count;
            }

            position = region.Offset + region.Length;
        }

        WriteZeros(writer, size - position, buffer);
    }

    private static void WriteZeros(LayerTarWriter writer, long length, byte[] buffer)
    {
        if (length <= 0)
        {
            return;
        }

        Array.Clear(buffer);
        while (length > 0)
        {
            int count = (int)Math.Min(buffer.Length, length);
            writer.WriteContent(buffer.AsSpan(0, count));
            length -= count;
        }
    }
}
