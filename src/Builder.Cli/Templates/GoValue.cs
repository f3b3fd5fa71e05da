// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Cli.Templates;

/// <summary>Truth, order and text of JSON values by Go's rules.</summary>
internal static class GoValue
{
    /// <summary>False for null, false, 0, "" and what is empty.</summary>
    public static bool IsTrue(JsonNode? value) => value switch
    {
        null => false,
        JsonObject record => record.Count > 0,
        JsonArray list => list.Count > 0,
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>().Length > 0,
            JsonValueKind.Number => Number(value) != 0,
            JsonValueKind.True => true,
            _ => false,
        },
    };

    /// <summary>What <c>range</c> walks: a list by index, an object by sorted key, a number by counting.</summary>
    public static List<(JsonNode? Key, JsonNode? Value)> Items(JsonNode? value)
    {
        switch (value)
        {
            case null:
                return [];
            case JsonArray list:
                return [.. list.Select((item, i) => ((JsonNode?)JsonValue.Create(i), item))];
            case JsonObject record:
                return [.. record.OrderBy(pair => pair.Key, StringComparer.Ordinal)
                    .Select(pair => ((JsonNode?)JsonValue.Create(pair.Key), pair.Value))];
            case JsonValue number when number.GetValueKind() == JsonValueKind.Number:
                return [.. Enumerable.Range(0, (int)Number(number))
                    .Select(i => ((JsonNode?)JsonValue.Create(i), (JsonNode?)JsonValue.Create(i)))];
            default:
                throw new TemplateException($"range can't iterate over {Print(value)}");
        }
    }

    /// <summary>A value as <c>%v</c> prints it.</summary>
    public static string Print(JsonNode? value) => value switch
    {
        null => "<no value>",
        JsonArray list => "[" + string.Join(' ', list.Select(PrintInside)) + "]",
        JsonObject record => "map[" + string.Join(' ', record.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => pair.Key + ":" + PrintInside(pair.Value))) + "]",
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => value.ToJsonString(),
        },
    };

    /// <summary>A number's value.</summary>
    public static double Number(JsonNode? value) =>
        value is not null && value.GetValueKind() == JsonValueKind.Number
            ? double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)
            : throw new TemplateException($"{Print(value)} is not a number");

    /// <summary>Order of two numbers or two strings.</summary>
    public static int Compare(JsonNode? left, JsonNode? right)
    {
        JsonValueKind kind = left?.GetValueKind() ?? JsonValueKind.Null;
        JsonValueKind other = right?.GetValueKind() ?? JsonValueKind.Null;
        return (kind, other) switch
        {
            (JsonValueKind.Number, JsonValueKind.Number) => Number(left).CompareTo(Number(right)),
            (JsonValueKind.String, JsonValueKind.String) =>
                string.CompareOrdinal(left!.GetValue<string>(), right!.GetValue<string>()),
            _ => throw new TemplateException("incompatible types for comparison"),
        };
    }

    /// <summary>Equality as <c>eq</c> has it.</summary>
    public static bool AreEqual(JsonNode? left, JsonNode? right) => JsonNode.DeepEquals(left, right)
        || (left?.GetValueKind() == JsonValueKind.Number && right?.GetValueKind() == JsonValueKind.Number
            && Number(left).Equals(Number(right)));

    private static string PrintInside(JsonNode? value) => value is null ? "<nil>" : Print(value);
}
