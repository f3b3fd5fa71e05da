// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Builder.Executor.Content;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Oci;

/// <summary>
/// Reads the config of an image. Tolerant where real images are loose (null for an empty list, a string for a list of
/// one, odd times), strict where a wrong guess would change the image (diffIDs). Source: image-spec, config.md; docker's
/// Healthcheck, OnBuild, Shell, ArgsEscaped.
/// </summary>
public static class ImageConfigJson
{
    /// <summary>Parses a config.</summary>
    /// <exception cref="ContentException">It is not one.</exception>
    public static ImageConfig Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json.ToArray());
            return Read(document.RootElement);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new ContentException(ContentFailure.Malformed, $"read image config: {failure.Message}", failure);
        }
    }

    /// <summary>The bytes of a config.</summary>
    public static byte[] Serialize(ImageConfig config) => ImageConfigWriter.Write(config);

    private static ImageConfig Read(JsonElement root)
    {
        JsonElement config = Get(root, "config");
        return new ImageConfig
        {
            Platform = new Platform
            {
                Os = Text(root, "os") ?? "linux",
                Architecture = Text(root, "architecture")
                    ?? throw new JsonException("it has no architecture"),
                Variant = Text(root, "variant"),
                OsVersion = Text(root, "os.version"),
            },
            Created = Time(root, "created"),
            Author = Text(root, "author"),
            Env = Texts(config, "Env") ?? [],
            User = Text(config, "User"),
            WorkingDir = Text(config, "WorkingDir"),
            Entrypoint = Texts(config, "Entrypoint"),
            Cmd = Texts(config, "Cmd"),
            ArgsEscaped = Get(config, "ArgsEscaped").ValueKind == JsonValueKind.True,
            ExposedPorts = Keys(config, "ExposedPorts"),
            Volumes = Keys(config, "Volumes"),
            Labels = Labels(config),
            StopSignal = Text(config, "StopSignal"),
            HealthCheck = Health(config),
            OnBuild = Texts(config, "OnBuild") ?? [],
            Shell = Texts(config, "Shell") ?? [],
            RootFs = Layers(root),
            History = Histories(root),
        };
    }

    private static JsonElement Get(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value)
            ? value
            : default;

    private static string? Text(JsonElement parent, string name) =>
        Get(parent, name) is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 } text
            ? text
            : null;

    private static ImmutableArray<string>? Texts(JsonElement parent, string name)
    {
        JsonElement value = Get(parent, name);
        return value.ValueKind switch
        {
            JsonValueKind.Array => [.. value.EnumerateArray().Select(item => item.GetString() ?? "")],
            JsonValueKind.String => [value.GetString()!],
            _ => null,
        };
    }

    private static ImmutableSortedSet<string> Keys(JsonElement parent, string name)
    {
        JsonElement value = Get(parent, name);
        return value.ValueKind == JsonValueKind.Object
            ? value.EnumerateObject().Select(member => member.Name).ToImmutableSortedSet(StringComparer.Ordinal)
            : ImmutableSortedSet.Create<string>(StringComparer.Ordinal);
    }

    private static ImmutableSortedDictionary<string, string> Labels(JsonElement config)
    {
        ImmutableSortedDictionary<string, string>.Builder labels =
            ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        JsonElement value = Get(config, "Labels");
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty member in value.EnumerateObject())
            {
                labels[member.Name] = member.Value.GetString() ?? "";
            }
        }

        return labels.ToImmutable();
    }

    private static LayerStack Layers(JsonElement root)
    {
        JsonElement ids = Get(Get(root, "rootfs"), "diff_ids");
        return ids.ValueKind == JsonValueKind.Array
            ? new LayerStack([.. ids.EnumerateArray().Select(id => new DiffId(Digest.Parse(id.GetString() ?? "")))])
            : LayerStack.Empty;
    }

    private static ImmutableArray<HistoryEntry> Histories(JsonElement root)
    {
        JsonElement history = Get(root, "history");
        return history.ValueKind != JsonValueKind.Array ? [] : [.. history.EnumerateArray().Select(entry =>
            new HistoryEntry
            {
                Created = Time(entry, "created"),
                CreatedBy = Text(entry, "created_by"),
                Comment = Text(entry, "comment"),
                Author = Text(entry, "author"),
                EmptyLayer = Get(entry, "empty_layer").ValueKind == JsonValueKind.True,
            })];
    }

    private static HealthCheck? Health(JsonElement config)
    {
        JsonElement health = Get(config, "Healthcheck");
        return health.ValueKind != JsonValueKind.Object ? null : new HealthCheck
        {
            Test = Texts(health, "Test") ?? [],
            Interval = Duration(health, "Interval"),
            Timeout = Duration(health, "Timeout"),
            StartPeriod = Duration(health, "StartPeriod"),
            StartInterval = Duration(health, "StartInterval"),
            Retries = Get(health, "Retries") is { ValueKind: JsonValueKind.Number } retries
                && retries.TryGetInt32(out int count) && count != 0
                    ? count
                    : null,
        };
    }

    private static TimeSpan? Duration(JsonElement parent, string name) =>
        Get(parent, name) is { ValueKind: JsonValueKind.Number } value
        && value.TryGetInt64(out long nanoseconds) && nanoseconds != 0
            ? TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick)
            : null;

    private static DateTimeOffset? Time(JsonElement parent, string name) =>
        Text(parent, name) is { } text
        && DateTimeOffset.TryParse(
            ShortenFraction(text), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUniversalTime()
            : null;

    // Go writes nanoseconds, .NET reads seven decimals.
    private static string ShortenFraction(string text)
    {
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            return text;
        }

        int end = dot + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return end - dot - 1 <= 7 ? text : text[..(dot + 8)] + text[end..];
    }
}
