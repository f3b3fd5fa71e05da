// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.RemoteCache;

/// <summary>Where in which bucket a cache is, and how to get there. Not printed: it holds a secret.</summary>
internal sealed class S3Options
{
    /// <summary>Transfers at the same time.</summary>
    public const int DefaultParallelism = 4;

    /// <summary>The bucket; it must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>The region; null for that of the environment or the profile.</summary>
    public string? Region { get; init; }

    /// <summary>The server; null for AWS.</summary>
    public string? EndpointUrl { get; init; }

    /// <summary>In front of every key.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Then in front of blobs.</summary>
    public string BlobsPrefix { get; init; } = "blobs/";

    /// <summary>And of documents.</summary>
    public string ManifestsPrefix { get; init; } = "manifests/";

    /// <summary>The names of the cache, at least one; the records of all are read.</summary>
    public ImmutableArray<string> Names { get; init; } = ["bld"];

    /// <summary>With <see cref="SecretAccessKey"/>: else the environment, the profile, the pod's or the machine's role.</summary>
    public string? AccessKeyId { get; init; }

    /// <summary>The secret.</summary>
    public string? SecretAccessKey { get; init; }

    /// <summary>The token of temporary credentials.</summary>
    public string? SessionToken { get; init; }

    /// <summary>The bucket is in the path and not in the host name.</summary>
    public bool UsesPathStyle { get; init; }

    /// <summary>Transfers at the same time.</summary>
    public int Parallelism { get; init; } = DefaultParallelism;
}
