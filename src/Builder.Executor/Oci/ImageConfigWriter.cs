// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Builder.Solver.Images;

namespace Builder.Executor.Oci;

/// <summary>Writes the config of an image: members in the order that Go's image-spec writes them, no insignificant
/// space, so that the same config has the same digest.</summary>
internal static class ImageConfigWriter
{
    /// <summary>The bytes of a config.</summary>
    public static byte[] Write(ImageConfig config)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer, OciJson.WriterOptions))
        {
            json.WriteStartObject();
            WriteTime(json, "created", config.Created);
            WriteText(json, "author", config.Author);
            json.WriteString("architecture", config.Platform.Architecture);
            WriteText(json, "variant", config.Platform.Variant);
            json.WriteString("os", config.Platform.Os);
            WriteText(json, "os.version", config.Platform.OsVersion);
            json.WriteStartObject("config");
            WriteExecution(json, config);
            json.WriteEndObject();
            WriteLayers(json, config.RootFs);
            WriteHistory(json, config.History);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteExecution(Utf8JsonWriter json, ImageConfig config)
    {
        WriteText(json, "User", config.User);
        WriteSet(json, "ExposedPorts", config.ExposedPorts);
        WriteList(json, "Env", config.Env);
        if (config.Entrypoint is { } entrypoint)
        {
            WriteArray(json, "Entrypoint", entrypoint);
        }

        if (config.Cmd is { } command)
        {
            WriteArray(json, "Cmd", command);
        }

        WriteHealthCheck(json, config.HealthCheck);
        WriteSet(json, "Volumes", config.Volumes);
        WriteText(json, "WorkingDir", config.WorkingDir);
        WriteList(json, "OnBuild", config.OnBuild);
        if (config.Labels.Count > 0)
        {
            json.WriteStartObject("Labels");
            foreach ((string key, string value) in config.Labels)
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        }

        WriteText(json, "StopSignal", config.StopSignal);
        if (config.ArgsEscaped)
        {
            json.WriteBoolean("ArgsEscaped", true);
        }

        WriteList(json, "Shell", config.Shell);
    }

    private static void WriteHealthCheck(Utf8JsonWriter json, HealthCheck? check)
    {
        if (check is null)
        {
            return;
        }

        json.WriteStartObject("Healthcheck");
        WriteList(json, "Test", check.Test);
        WriteDuration(json, "Interval", check.Interval);
        WriteDuration(json, "Timeout", check.Timeout);
        WriteDuration(json, "StartPeriod", check.StartPeriod);
        WriteDuration(json, "StartInterval", check.StartInterval);
        if (check.Retries is { } retries and not 0)
        {
            json.WriteNumber("Retries", retries);
        }

        json.WriteEndObject();
    }

    private static void WriteLayers(Utf8JsonWriter json, LayerStack layers)
    {
        json.WriteStartObject("rootfs");
        json.WriteString("type", "layers");
        json.WriteStartArray("diff_ids");
        foreach (DiffId layer in layers.Layers)
        {
            json.WriteStringValue(layer.ToString());
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHistory(Utf8JsonWriter json, ImmutableArray<HistoryEntry> history)
    {
        if (history.IsDefaultOrEmpty)
        {
            return;
        }

        json.WriteStartArray("history");
        foreach (HistoryEntry entry in history)
        {
            json.WriteStartObject();
            WriteTime(json, "created", entry.Created);
            WriteText(json, "created_by", entry.CreatedBy);
            WriteText(json, "author", entry.Author);
            WriteText(json, "comment", entry.Comment);
            if (entry.EmptyLayer)
            {
                json.WriteBoolean("empty_layer", true);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            json.WriteString(name, value);
        }
    }

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset? time)
    {
        if (time is { } value)
        {
            json.WriteString(
                name, value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));
        }
    }

    private static void WriteDuration(Utf8JsonWriter json, string name, TimeSpan? value)
    {
        if (value is { Ticks: not 0 } duration)
        {
            json.WriteNumber(name, duration.Ticks * TimeSpan.NanosecondsPerTick);
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, ImmutableArray<string> values)
    {
        if (!values.IsDefaultOrEmpty)
        {
            WriteArray(json, name, values);
        }
    }

    private static void WriteArray(Utf8JsonWriter json, string name, ImmutableArray<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static void WriteSet(Utf8JsonWriter json, string name, ImmutableSortedSet<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartObject(name);
        foreach (string value in values)
        {
            json.WriteStartObject(value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
