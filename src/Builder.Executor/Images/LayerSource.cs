// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Executor.Oci;
using Builder.Executor.Snapshots;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>Finds the form in which the local store lists a layer, and brings the layer when it is not there.</summary>
internal sealed class LayerSource
{
    private readonly Store _store;
    private readonly ILayerFetcher? _fetcher;

    /// <summary>A source over a store; <paramref name="fetcher"/> gives what it lacks.</summary>
    public LayerSource(Store store, ILayerFetcher? fetcher)
    {
        _store = store;
        _fetcher = fetcher;
    }

    /// <summary>
    /// The descriptor of a layer whose content can be read from the store: uncompressed when it was built here, else the
    /// blob that it came in. A blob that only an image's config claims to be this layer is checked first.
    /// </summary>
    /// <exception cref="ContentException">It is neither in the store nor to be fetched, or it is another layer.</exception>
    public async Task<Descriptor> EnsureAsync(DiffId layer, CancellationToken cancellationToken)
    {
        if (FindVerified(layer) is { } known)
        {
            return known;
        }

        foreach (Descriptor claimed in _store.Layers.Find(layer, verifiedOnly: false))
        {
            if (_store.Blobs.IsFile(claimed.Digest) && Verify(layer, claimed))
            {
                return claimed;
            }
        }

        Descriptor? fetched = _fetcher is null
            ? null
            : await _fetcher.FetchAsync(layer, cancellationToken).ConfigureAwait(false);
        if (fetched is null)
        {
            throw new ContentException(
                ContentFailure.NotFound, $"find layer {layer}: neither the store nor a known registry has it");
        }

        return Verify(layer, fetched)
            ? fetched
            : throw new ContentException(
                ContentFailure.DigestMismatch, $"fetch layer {fetched.Digest}: its content is not the layer {layer}");
    }

    /// <summary>
    /// As <see cref="EnsureAsync"/>, but of a layer that is only to be had elsewhere it says what is there and leaves it
    /// there: whoever needs the files later verifies them.
    /// </summary>
    public async Task<Descriptor> DescribeAsync(DiffId layer, CancellationToken cancellationToken) =>
        FindVerified(layer) ?? _fetcher?.Describe(layer)
        ?? await EnsureAsync(layer, cancellationToken).ConfigureAwait(false);

    private static Descriptor Plain(DiffId layer, long size) =>
        new() { MediaType = MediaTypes.OciLayer, Digest = layer.Value, Size = size };

    private Descriptor? FindVerified(DiffId layer)
    {
        if (_store.Blobs.FindSize(layer.Value) is { } size)
        {
            return Plain(layer, size);
        }

        return _store.Layers.Find(layer, verifiedOnly: true)
            .FirstOrDefault(form => _store.Blobs.IsFile(form.Digest));
    }

    private bool Verify(DiffId layer, Descriptor blob)
    {
        bool isIt;
        try
        {
            using var digesting = new DigestingReadStream(LayerCompression.OpenRead(_store.Blobs.Open(blob.Digest)));
            new LayerTarReader(digesting).Drain();
            isIt = digesting.Finish() == layer;
        }
        catch (InvalidDataException)
        {
            isIt = false;
        }

        if (isIt)
        {
            _store.Layers.Add(layer, blob, verified: true);
        }
        else
        {
            _store.Layers.Remove(layer, blob);
        }

        return isIt;
    }
}
