// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;
using Builder.Solver;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// Reads the text of a <c>--cache-from</c> or <c>--cache-to</c>: comma-separated fields, in double quotes those that hold a
/// comma themselves. A field that its type does not know is an error. Messages show no secret.
/// </summary>
internal sealed class CacheSpecReader
{
    private const int MaxParallelism = 64;

    /// <summary>Both sides take these, so that one text serves both; the writing side alone heeds mode and level.</summary>
    private static readonly ImmutableArray<string> s_common = ["type", "mode", "ignore-error", "compression-level", "mounts"];

    private static readonly ImmutableArray<string> s_bucket =
    [
        "bucket", "region", "endpoint_url", "prefix", "blobs_prefix", "manifests_prefix", "name", "access_key_id",
        "secret_access_key", "session_token", "use_path_style", "upload_parallelism",
    ];

    private readonly string _text;
    private readonly bool _isExport;
    private readonly Dictionary<string, string> _fields = new(StringComparer.Ordinal);

    /// <summary>Reads one text.</summary>
    public CacheSpecReader(string text, bool isExport)
    {
        _text = text;
        _isExport = isExport;
    }

    /// <summary>The spec.</summary>
    /// <exception cref="SolveException">It is none.</exception>
    public CacheSpec Read()
    {
        Split();
        string type = _fields.GetValueOrDefault("type", "registry");
        CacheSpec spec = type switch
        {
            "registry" => Known("ref") with { Kind = CacheKind.Registry, Reference = ImageName("ref") },
            "inline" when _isExport => Known() with { Kind = CacheKind.Inline },
            "inline" => throw Invalid("import it by the image's name: type=registry,ref=IMAGE"),
            "local" => Known("src", "dest") with { Kind = CacheKind.Local, Path = Required(_isExport ? "dest" : "src") },
            "redis" => Known("url", "layers") with
            {
                Kind = CacheKind.Redis,
                Server = Required("url"),
                Reference = ImageName("layers"),
            },
            "s3" => Known([.. s_bucket]) with { Kind = CacheKind.S3, Bucket = Bucket() },
            _ => throw Invalid($"type \"{type}\" is not registry, inline, local, redis or s3"),
        };
        return spec.HasMounts && spec.Kind == CacheKind.Inline
            ? throw Invalid("an image carries no contents of cache mounts: use another type for mounts=true")
            : spec;
    }

    private static IEnumerable<string> SplitFields(string text)
    {
        int start = 0;
        bool quoted = false;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] == '"')
            {
                quoted = !quoted;
            }
            else if (i == text.Length || (text[i] == ',' && !quoted))
            {
                yield return text[start..i].Replace("\"", "", StringComparison.Ordinal);
                start = i + 1;
            }
        }
    }

    private void Split()
    {
        if (!_text.Contains('=', StringComparison.Ordinal))
        {
            _fields["ref"] = _text;
            return;
        }

        foreach (string field in SplitFields(_text))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw Invalid($"\"{field}\" has no value");
            }

            if (!_fields.TryAdd(field[..equals].Trim(), field[(equals + 1)..]))
            {
                throw Invalid($"{field[..equals]} is given twice");
            }
        }
    }

    /// <summary>What all types have, once it is sure that there is nothing that this one does not know.</summary>
    private CacheSpec Known(params ReadOnlySpan<string> names)
    {
        ImmutableArray<string> all = [.. s_common, .. names];
        string? unknown = _fields.Keys.FirstOrDefault(name => !all.Contains(name));
        if (unknown is not null)
        {
            throw Invalid($"\"{unknown}\" is not one of {string.Join(", ", all)}");
        }

        return new CacheSpec
        {
            Kind = CacheKind.Registry,
            IsMax = _fields.GetValueOrDefault("mode", "min") switch
            {
                "min" => false,
                "max" => true,
                var mode => throw Invalid($"mode \"{mode}\" is neither min nor max"),
            },
            HasMounts = Flag("mounts", fallback: false),
            IgnoresErrors = Flag("ignore-error", fallback: true),
            CompressionLevel = Number("compression-level", 0, 9),
        };
    }

    private S3Options Bucket()
    {
        string? endpoint = _fields.GetValueOrDefault("endpoint_url");
        if (endpoint is not null && !(Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"))
        {
            throw Invalid("endpoint_url is not an http or https address");
        }

        bool hasId = _fields.ContainsKey("access_key_id");
        if (hasId != _fields.ContainsKey("secret_access_key") || (!hasId && _fields.ContainsKey("session_token")))
        {
            throw Invalid("access_key_id and secret_access_key belong together, and session_token to both");
        }

        S3Options options = new()
        {
            Bucket = Required("bucket"),
            Region = _fields.GetValueOrDefault("region"),
            EndpointUrl = endpoint,
            Prefix = _fields.GetValueOrDefault("prefix", ""),
            AccessKeyId = _fields.GetValueOrDefault("access_key_id"),
            SecretAccessKey = _fields.GetValueOrDefault("secret_access_key"),
            SessionToken = _fields.GetValueOrDefault("session_token"),
            UsesPathStyle = Flag("use_path_style", fallback: false),
            Parallelism = Number("upload_parallelism", 1, MaxParallelism) ?? S3Options.DefaultParallelism,
            BlobsPrefix = _fields.GetValueOrDefault("blobs_prefix", "blobs/"),
            ManifestsPrefix = _fields.GetValueOrDefault("manifests_prefix", "manifests/"),
            Names =
            [
                .. _fields.GetValueOrDefault("name", "bld")
                    .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            ],
        };
        return options.Names.IsEmpty ? throw Invalid("name= is empty") : options;
    }

    private string Required(string name) =>
        _fields.GetValueOrDefault(name) is { Length: > 0 } value ? value : throw Invalid($"{name}= is missing");

    private ImageReference ImageName(string name) =>
        ImageReference.TryParse(Required(name), out ImageReference? reference)
            ? reference
            : throw Invalid($"{name}={_fields[name]} is not a name of an image");

    private bool Flag(string name, bool fallback) =>
        !_fields.TryGetValue(name, out string? value)
            ? fallback
            : bool.TryParse(value, out bool flag) ? flag : throw Invalid($"{name} is true or false");

    private int? Number(string name, int least, int most) =>
        !_fields.TryGetValue(name, out string? value)
            ? null
            : int.TryParse(value, out int number) && number >= least && number <= most
                ? number
                : throw Invalid($"{name} is a number from {least} to {most}");

    private SolveException Invalid(string cause) =>
        new($"{(_isExport ? "--cache-to" : "--cache-from")} \"{Shown()}\": {cause}");

    private string Shown() => string.Join(',', SplitFields(_text).Select(field =>
        field.StartsWith("secret_access_key=", StringComparison.Ordinal)
        || field.StartsWith("session_token=", StringComparison.Ordinal)
        || field.StartsWith("url=", StringComparison.Ordinal)
            ? field[..(field.IndexOf('=', StringComparison.Ordinal) + 1)] + "***"
            : field));
}
