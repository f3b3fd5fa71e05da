// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Builder.Executor.Oci;
using Builder.Solver.Images;

namespace Builder.Executor.Content;

/// <summary>
/// Which blobs hold which layers: diffID to descriptors. A form is verified when its uncompressed content was seen to
/// have the diffID; until then it is what some image's config says, and it serves no other image. Thread-safe.
/// </summary>
public sealed class LayerIndex
{
    private readonly string _directory;
    private readonly Store _store;

    internal LayerIndex(string directory, Store store)
    {
        _directory = directory;
        _store = store;
    }

    /// <summary>Known forms of a layer, whether their blobs are in the store or not.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="verifiedOnly">Only the verified ones.</param>
    public IReadOnlyList<Descriptor> Find(DiffId layer, bool verifiedOnly) =>
        [.. Read(layer).Where(form => form.Verified || !verifiedOnly).Select(form => form.Blob)];

    /// <summary>Records a form of a layer, or that it is verified now.</summary>
    public void Add(DiffId layer, Descriptor blob, bool verified)
    {
        var form = new LayerForm { Blob = blob with { Annotations = null, Platform = null }, Verified = verified };
        if (Read(layer).Any(other => Same(other, form) && (other.Verified || !verified)))
        {
            return;
        }

        using IDisposable section = _store.Locks.Acquire("layer-index");
        Write(layer, Read(layer).RemoveAll(other => Same(other, form)).Add(form));
    }

    /// <summary>Forgets a form that turned out not to hold the layer, or whose blob is gone.</summary>
    public void Remove(DiffId layer, Descriptor blob)
    {
        using IDisposable section = _store.Locks.Acquire("layer-index");
        Write(layer, Read(layer).RemoveAll(other => other.Blob.Digest == blob.Digest));
    }

    /// <summary>All layers of which a form is recorded.</summary>
    internal IEnumerable<DiffId> List() =>
        Directory.EnumerateFiles(_directory)
            .Select(path => Frontend.Naming.Digest.TryParse("sha256:" + Path.GetFileName(path), out var digest) ? digest : default)
            .Where(digest => !digest.IsDefault)
            .Select(digest => new DiffId(digest));

    /// <summary>Forgets all forms of a layer.</summary>
    internal void RemoveAll(DiffId layer) => File.Delete(PathOf(layer));

    private static bool Same(LayerForm one, LayerForm other) =>
        one.Blob.Digest == other.Blob.Digest
        && string.Equals(one.Blob.MediaType, other.Blob.MediaType, StringComparison.Ordinal);

    private string PathOf(DiffId layer) => Path.Combine(_directory, layer.Value.Hex);

    private ImmutableList<LayerForm> Read(DiffId layer)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(layer)), StoreJson.Default.ImmutableListLayerForm)
                ?? [];
        }
        catch (Exception failure) when (failure is FileNotFoundException or JsonException)
        {
            return [];
        }
    }

    // Not durable: what is lost is fetched or compressed again.
    private void Write(DiffId layer, ImmutableList<LayerForm> forms) => _store.Tmp.WriteAtomically(
        PathOf(layer), JsonSerializer.SerializeToUtf8Bytes(forms, StoreJson.Default.ImmutableListLayerForm), durable: false);
}

/// <summary>One form of a layer.</summary>
internal sealed record LayerForm
{
    /// <summary>The blob.</summary>
    [JsonPropertyName("blob")]
    public required Descriptor Blob { get; init; }

    /// <summary>Its content was seen to be the layer.</summary>
    [JsonPropertyName("verified")]
    public bool Verified { get; init; }
}
