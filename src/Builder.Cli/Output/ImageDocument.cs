// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Executor.Images;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Cli.Output;

/// <summary>What <c>image inspect</c> shows, by docker's keys.</summary>
internal static class ImageDocument
{
    /// <summary>Keys that docker leaves out when nothing is set; templates may still ask for them.</summary>
    private static readonly string[] s_optional =
        ["ExposedPorts", "Volumes", "Healthcheck", "StopSignal", "Shell", "OnBuild", "ArgsEscaped", "Variant"];

    /// <summary>The whole document, with every key that a template may ask for.</summary>
    public static JsonObject Create(StoredImage image, long size)
    {
        ImageConfig config = image.Config;
        return new JsonObject
        {
            ["Id"] = image.Id.ToString(),
            ["RepoTags"] = List(image.Names.Select(name => $"{name.FamiliarName}:{name.Tag}")),
            ["RepoDigests"] = List(image.RepoDigests.Select(Familiar)),
            ["Comment"] = config.History.LastOrDefault()?.Comment ?? "",
            ["Created"] = config.Created is { } created ? Time(created) : null,
            ["Author"] = config.Author ?? "",
            ["Config"] = Config(config),
            ["Architecture"] = config.Platform.Architecture,
            ["Variant"] = config.Platform.Variant,
            ["Os"] = config.Platform.Os,
            ["Size"] = size,
            ["RootFS"] = new JsonObject
            {
                ["Type"] = "layers",
                ["Layers"] = List(config.RootFs.Layers.Select(layer => layer.ToString())),
            },
            ["Metadata"] = new JsonObject { ["LastTagTime"] = "0001-01-01T00:00:00Z" },
            ["Descriptor"] = new JsonObject
            {
                ["mediaType"] = image.Manifest.MediaType,
                ["digest"] = image.Manifest.Digest.ToString(),
                ["size"] = image.Manifest.Size,
            },
        };
    }

    /// <summary>The document without the optional keys that hold nothing: what is printed.</summary>
    public static JsonObject WithoutEmpty(JsonObject document)
    {
        JsonObject copy = document.DeepClone().AsObject();
        RemoveEmpty(copy);
        RemoveEmpty(copy["Config"]!.AsObject());
        return copy;
    }

    /// <summary>A time as docker writes it.</summary>
    public static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture);

    /// <summary>Strings as a JSON array.</summary>
    public static JsonArray List(IEnumerable<string> items) =>
        new([.. items.Select(item => (JsonNode?)JsonValue.Create(item))]);

    /// <summary>Names as the keys of empty objects, as docker writes sets.</summary>
    public static JsonObject? Set(IEnumerable<string> names)
    {
        JsonObject set = [];
        foreach (string name in names)
        {
            set[name] = new JsonObject();
        }

        return set.Count == 0 ? null : set;
    }

    private static JsonObject Config(ImageConfig config) => new()
    {
        ["User"] = config.User ?? "",
        ["ExposedPorts"] = Set(config.ExposedPorts),
        ["Env"] = List(config.Env),
        ["Cmd"] = config.Cmd is { } cmd ? List(cmd) : null,
        ["Healthcheck"] = config.HealthCheck is { } check ? HealthCheck(check) : null,
        ["ArgsEscaped"] = config.ArgsEscaped ? true : null,
        ["Volumes"] = Set(config.Volumes),
        ["WorkingDir"] = config.WorkingDir ?? "",
        ["Entrypoint"] = config.Entrypoint is { } entrypoint ? List(entrypoint) : null,
        ["OnBuild"] = config.OnBuild.IsEmpty ? null : List(config.OnBuild),
        ["Labels"] = Labels(config),
        ["StopSignal"] = config.StopSignal,
        ["Shell"] = config.Shell.IsEmpty ? null : List(config.Shell),
    };

    private static JsonObject? Labels(ImageConfig config)
    {
        JsonObject labels = [];
        foreach ((string key, string value) in config.Labels)
        {
            labels[key] = value;
        }

        return labels.Count == 0 ? null : labels;
    }

    private static JsonObject HealthCheck(HealthCheck check)
    {
        JsonObject node = new() { ["Test"] = List(check.Test) };
        AddDuration(node, "Interval", check.Interval);
        AddDuration(node, "Timeout", check.Timeout);
        AddDuration(node, "StartPeriod", check.StartPeriod);
        AddDuration(node, "StartInterval", check.StartInterval);
        if (check.Retries is { } retries)
        {
            node["Retries"] = retries;
        }

        return node;
    }

    private static void AddDuration(JsonObject node, string key, TimeSpan? duration)
    {
        if (duration is { } time)
        {
            node[key] = time.Ticks * 100; // nanoseconds
        }
    }

    // NAME@DIGEST, without "docker.io/library/".
    private static string Familiar(string repoDigest) => ImageReference.TryParse(repoDigest, out ImageReference? name)
        ? $"{name.FamiliarName}@{name.Digest}"
        : repoDigest;

    private static void RemoveEmpty(JsonObject node)
    {
        foreach (string key in s_optional)
        {
            if (node.TryGetPropertyValue(key, out JsonNode? value) && value is null)
            {
                node.Remove(key);
            }
        }
    }
}
