// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <summary>An image of the local store.</summary>
public sealed record StoredImage
{
    /// <summary>The image id: the config's digest.</summary>
    public required Digest Id { get; init; }

    /// <summary>Its manifest.</summary>
    public required Descriptor Manifest { get; init; }

    /// <summary>Its config.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>Names that mean it, alone or in an index, sorted; of the moment in which they are first asked for.</summary>
    public ImmutableArray<ImageReference> Names => LazyNames.Value;

    /// <summary>REPOSITORY@DIGEST under which registries know it, sorted.</summary>
    public ImmutableArray<string> RepoDigests { get; init; } = [];

    /// <summary>How <see cref="Names"/> are found.</summary>
    internal Lazy<ImmutableArray<ImageReference>> LazyNames { get; init; } = new([]);
}

/// <summary>What a commit made.</summary>
/// <param name="Target">The manifest, or the index when there are several platforms: what the names mean now.</param>
/// <param name="Images">The images in the order given.</param>
public sealed record CommittedImage(Descriptor Target, ImmutableArray<StoredImage> Images);

/// <summary>One line of what a removal did: "Untagged: x" or "Deleted: sha256:x".</summary>
public sealed record RemovedItem(bool Deleted, string Subject);

/// <summary>What is remembered of an image, in a file named by its id.</summary>
internal sealed record ImageRecord
{
    /// <summary>The manifest.</summary>
    [JsonPropertyName("manifest")]
    public required Descriptor Manifest { get; init; }

    /// <summary>REPOSITORY@DIGEST under which registries know it, sorted.</summary>
    [JsonPropertyName("repoDigests")]
    public ImmutableSortedSet<string> RepoDigests { get; init; } = [];
}
