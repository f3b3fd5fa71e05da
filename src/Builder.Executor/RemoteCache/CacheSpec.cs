// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver;

namespace Builder.Executor.RemoteCache;

/// <summary>Where step results are shared.</summary>
public enum CacheKind
{
    /// <summary>An artifact in an OCI registry.</summary>
    Registry,

    /// <summary>In the manifest of the image itself.</summary>
    Inline,

    /// <summary>A directory: an OCI layout.</summary>
    Local,

    /// <summary>Records in Redis, layers in a registry.</summary>
    Redis,

    /// <summary>Objects of a bucket of S3 or a compatible server.</summary>
    S3,
}

/// <summary>One <c>--cache-from</c> or <c>--cache-to</c>.</summary>
public sealed record CacheSpec
{
    /// <summary>What kind.</summary>
    public required CacheKind Kind { get; init; }

    /// <summary>The artifact or image (registry), or the repository of the layers (redis).</summary>
    public ImageReference? Reference { get; init; }

    /// <summary>The directory (local).</summary>
    public string? Path { get; init; }

    /// <summary>The server (redis), in the form of StackExchange.Redis or <c>redis://</c>.</summary>
    public string? Server { get; init; }

    /// <summary><c>mode=max</c>: the steps of all stages and not only those of the image.</summary>
    public bool IsMax { get; init; }

    /// <summary><c>mounts=true</c>: the contents of cache mounts are shared, too.</summary>
    public bool HasMounts { get; init; }

    /// <summary>False when <c>ignore-error=false</c> was given: then a failure of the cache fails the build.</summary>
    public bool IgnoresErrors { get; init; } = true;

    /// <summary>gzip's level for exported layers; null is the default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>The bucket (s3).</summary>
    internal S3Options? Bucket { get; init; }

    /// <summary>
    /// Parses <c>type=registry,ref=R[,mode=min|max]</c>, <c>type=inline</c>, <c>type=local,src=DIR</c> or <c>dest=DIR</c>,
    /// <c>type=redis,url=SERVER,layers=REPOSITORY</c>, <c>type=s3,bucket=B,...</c>; a name alone is a registry's.
    /// </summary>
    /// <param name="text">What was written.</param>
    /// <param name="isExport">It is <c>--cache-to</c>.</param>
    /// <exception cref="SolveException">It is none of these.</exception>
    public static CacheSpec Parse(string text, bool isExport) => new CacheSpecReader(text, isExport).Read();

    /// <summary>For messages.</summary>
    public override string ToString() => Kind switch
    {
        CacheKind.Registry => $"cache {Reference}",
        CacheKind.Local => $"cache in \"{Path}\"",
        CacheKind.Redis => "cache in redis",
        CacheKind.S3 => $"cache in s3://{Bucket!.Bucket}/{Bucket.Prefix}",
        _ => "inline cache",
    };
}
