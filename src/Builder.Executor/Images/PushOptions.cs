// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>How an image is pushed.</summary>
public sealed record PushOptions
{
    /// <summary>Layers that were built here are sent as they are, without compression.</summary>
    public bool IsUncompressed { get; init; }

    /// <summary>gzip's level for layers that have to be compressed; null is the default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>The manifest is stored under its digest alone, without a tag.</summary>
    public bool ByDigest { get; init; }

    /// <summary>Told about every blob; may be null.</summary>
    public Action<TransferProgress>? Progress { get; init; }
}

/// <summary>What a push made.</summary>
/// <param name="Target">The name that was pushed.</param>
/// <param name="Manifest">The manifest or index that the name means in the registry now.</param>
public sealed record PushedImage(ImageReference Target, Descriptor Manifest);
