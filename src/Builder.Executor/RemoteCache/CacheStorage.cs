// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Solver.Images;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// A place where one cache is kept: blobs by digest, and a document that is replaced as a whole. Blobs go first and the
/// document last, so that a reader sees the former cache or the new one. Failures are BuildExceptions.
/// </summary>
internal abstract class CacheStorage
{
    /// <summary>
    /// Reads the document, and tells the layer fetcher where its layers are; null when there is no cache yet. No layer is
    /// fetched.
    /// </summary>
    public abstract Task<CacheDocument?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Brings a layer there, unless it is there already, and says in which form it is.</summary>
    public abstract Task<Descriptor> SendLayerAsync(
        DiffId layer, PushOptions options, CancellationToken cancellationToken);

    /// <summary>Brings a small blob there, unless it is there already.</summary>
    public abstract Task SendBlobAsync(Descriptor blob, byte[] content, CancellationToken cancellationToken);

    /// <summary>A small blob, verified.</summary>
    public abstract Task<byte[]> ReadBlobAsync(Descriptor blob, CancellationToken cancellationToken);

    /// <summary>Replaces the document; all that it names has been sent.</summary>
    public abstract Task PublishAsync(CacheDocument document, CancellationToken cancellationToken);
}
