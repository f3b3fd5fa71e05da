// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Oci;
using Builder.Solver.Images;

namespace Builder.Executor.Snapshots;

/// <summary>Brings layers that the store does not hold, from where the image source found them.</summary>
public interface ILayerFetcher
{
    /// <summary>
    /// Brings the layer's blob into the store's blobs, verified against its descriptor, and returns that descriptor; null
    /// when no source is known. Idempotent; several calls at once for one layer fetch it once.
    /// </summary>
    /// <exception cref="Frontend.BuildException">The source is known and cannot give the layer.</exception>
    Task<Descriptor?> FetchAsync(DiffId layer, CancellationToken cancellationToken);

    /// <summary>True when <see cref="FetchAsync"/> knows a source for the layer.</summary>
    bool CanFetch(DiffId layer);

    /// <summary>The blob that <see cref="FetchAsync"/> would bring, without bringing it; null when no source is known.</summary>
    Descriptor? Describe(DiffId layer) => null;
}
