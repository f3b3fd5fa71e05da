// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
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
}

/// <summary>One <c>--cache-from</c> or <c>--cache-to</c>.</summary>
public sealed record CacheSpec
{
    private static readonly ImmutableArray<string> s_names =
        ["type", "ref", "mode", "ignore-error", "src", "dest", "url", "layers", "compression-level"];

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

    /// <summary>False when <c>ignore-error=false</c> was given: then a failure of the cache fails the build.</summary>
    public bool IgnoresErrors { get; init; } = true;

    /// <summary>gzip's level for exported layers; null is the default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>
    /// Parses <c>type=registry,ref=R[,mode=min|max]</c>, <c>type=inline</c>, <c>type=local,src=DIR</c> or <c>dest=DIR</c>,
    /// <c>type=redis,url=SERVER,layers=REPOSITORY</c>; a name alone is a registry's.
    /// </summary>
    /// <param name="text">What was written.</param>
    /// <param name="isExport">It is <c>--cache-to</c>.</param>
    /// <exception cref="SolveException">It is none of these.</exception>
    public static CacheSpec Parse(string text, bool isExport)
    {
        Dictionary<string, string> fields = Split(text, isExport);
        string type = fields.GetValueOrDefault("type", "registry");
        CacheSpec spec = type switch
        {
            "registry" => new CacheSpec { Kind = CacheKind.Registry, Reference = ImageName(text, isExport, fields, "ref") },
            "inline" when isExport => new CacheSpec { Kind = CacheKind.Inline },
            "inline" => throw Invalid(text, isExport, "import it by the image's name: type=registry,ref=IMAGE"),
            "local" => new CacheSpec
            {
                Kind = CacheKind.Local,
                Path = Required(text, isExport, fields, isExport ? "dest" : "src"),
                Reference = fields.ContainsKey("ref") ? ImageName(text, isExport, fields, "ref") : null,
            },
            "redis" => new CacheSpec
            {
                Kind = CacheKind.Redis,
                Server = Required(text, isExport, fields, "url"),
                Reference = ImageName(text, isExport, fields, "layers"),
            },
            _ => throw Invalid(text, isExport, $"type \"{type}\" is not registry, inline, local or redis"),
        };
        return spec with
        {
            IsMax = fields.GetValueOrDefault("mode", "min") switch
            {
                "min" => false,
                "max" => true,
                var mode => throw Invalid(text, isExport, $"mode \"{mode}\" is neither min nor max"),
            },
            IgnoresErrors = Flag(text, isExport, fields, "ignore-error", fallback: true),
            CompressionLevel = Level(text, isExport, fields),
        };
    }

    /// <summary>For messages.</summary>
    public override string ToString() => Kind switch
    {
        CacheKind.Registry => $"cache {Reference}",
        CacheKind.Local => $"cache in \"{Path}\"",
        CacheKind.Redis => "cache in redis",
        _ => "inline cache",
    };

    private static Dictionary<string, string> Split(string text, bool isExport)
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal);
        if (!text.Contains('=', StringComparison.Ordinal))
        {
            fields["ref"] = text;
            return fields;
        }

        foreach (string field in text.Split(','))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? field : field[..equals];
            if (equals < 0 || !s_names.Contains(name) || !fields.TryAdd(name, field[(equals + 1)..]))
            {
                throw Invalid(text, isExport, $"\"{field}\" is not one of {string.Join(", ", s_names)}, once each");
            }
        }

        return fields;
    }

    private static string Required(string text, bool isExport, Dictionary<string, string> fields, string name) =>
        fields.GetValueOrDefault(name) is { Length: > 0 } value
            ? value
            : throw Invalid(text, isExport, $"{name}= is missing");

    private static ImageReference ImageName(string text, bool isExport, Dictionary<string, string> fields, string name) =>
        ImageReference.TryParse(Required(text, isExport, fields, name), out ImageReference? reference)
            ? reference
            : throw Invalid(text, isExport, $"{name}={fields[name]} is not a name of an image");

    private static bool Flag(
        string text, bool isExport, Dictionary<string, string> fields, string name, bool fallback) =>
        !fields.TryGetValue(name, out string? value)
            ? fallback
            : bool.TryParse(value, out bool flag) ? flag : throw Invalid(text, isExport, $"{name} is true or false");

    private static int? Level(string text, bool isExport, Dictionary<string, string> fields) =>
        !fields.TryGetValue("compression-level", out string? value)
            ? null
            : int.TryParse(value, out int level) && level is >= 0 and <= 9
                ? level
                : throw Invalid(text, isExport, "compression-level is a number from 0 to 9");

    private static SolveException Invalid(string text, bool isExport, string cause) =>
        new($"{(isExport ? "--cache-to" : "--cache-from")} \"{text}\": {cause}");
}
