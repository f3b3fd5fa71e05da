// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>How an image is pushed.</summary>
public sealed record PushOptions
{
    /// <summary>The form of the layers; those that are compressed otherwise already stay so unless it is forced.</summary>
    public CompressionOptions Compression { get; init; } = CompressionOptions.Default;

    /// <summary>Annotations that the manifests get in addition: the inline cache.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The manifest is stored under its digest alone, without a tag.</summary>
    public bool ByDigest { get; init; }

    /// <summary>Told about every blob; may be null.</summary>
    public Action<TransferProgress>? Progress { get; init; }
}

/// <summary>What a push made.</summary>
/// <param name="Target">The name that was pushed.</param>
/// <param name="Manifest">The manifest or index that the name means in the registry now.</param>
public sealed record PushedImage(ImageReference Target, Descriptor Manifest);
