// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Executor.Devices;

/// <summary>Typed fields of a JSON object. What is absent is null or empty; what has another type is a FormatException.</summary>
internal static class JsonFields
{
    /// <summary>A text; a number or a switch stands for its text, as YAML without quotes gives it.</summary>
    public static string? Text(JsonObject node, string name) => node[name] switch
    {
        null => null,
        JsonValue value => Text(value),
        _ => throw Wrong(name, "a text"),
    };

    /// <summary>A whole number.</summary>
    public static long? Number(JsonObject node, string name) =>
        Text(node, name) is not { } text ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
        : throw Wrong(name, "a number");

    /// <summary>A list of texts.</summary>
    public static ImmutableArray<string> Texts(JsonObject node, string name) =>
        [.. Items(node, name).Select(item => item is JsonValue value ? Text(value) : throw Wrong(name, "a list of texts"))];

    /// <summary>A list of objects.</summary>
    public static ImmutableArray<JsonObject> Objects(JsonObject node, string name) =>
        [.. Items(node, name).Select(item => item as JsonObject ?? throw Wrong(name, "a list of objects"))];

    /// <summary>An object of texts.</summary>
    public static ImmutableDictionary<string, string> Map(JsonObject node, string name) => node[name] switch
    {
        null => [],
        JsonObject map => map.ToImmutableDictionary(pair => pair.Key, pair => Text(map, pair.Key) ?? ""),
        _ => throw Wrong(name, "an object"),
    };

    private static JsonArray Items(JsonObject node, string name) => node[name] switch
    {
        null => [],
        JsonArray array => array,
        _ => throw Wrong(name, "a list"),
    };

    private static string Text(JsonValue value) =>
        value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();

    private static FormatException Wrong(string name, string expected) => new($"{name} is not {expected}");
}
