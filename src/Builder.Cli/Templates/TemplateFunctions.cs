// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Cli.Templates;

/// <summary>The functions of Go's text/template and those that docker adds.</summary>
internal static class TemplateFunctions
{
    private static readonly JsonWriterOptions s_plain =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = false };

    /// <summary>Calls a function.</summary>
    /// <exception cref="TemplateException">It does not exist, or the arguments do not fit.</exception>
    public static JsonNode? Call(string name, List<JsonNode?> a) => name switch
    {
        "json" => Text(ToJson(One(name, a), indented: false)),
        "prettyjson" => Text(ToJson(One(name, a), indented: true)),
        "print" => Text(PrintAll(a)),
        "println" => Text(string.Join(' ', a.Select(GoValue.Print)) + "\n"),
        "printf" => Text(Format(a)),
        "len" => JsonValue.Create(Length(One(name, a))),
        "index" => Index(a),
        "slice" => Slice(a),
        "join" => Text(string.Join(String(a, 1), GoValue.Items(At(a, 0)).Select(item => GoValue.Print(item.Value)))),
        "split" => List(String(a, 0).Split(String(a, 1))),
        "lower" => Text(String(a, 0).ToLowerInvariant()),
        "upper" => Text(String(a, 0).ToUpperInvariant()),
        "title" => Text(CultureInfo.InvariantCulture.TextInfo.ToTitleCase(String(a, 0))),
        "pad" => Text(Pad(a)),
        "truncate" => Text(Truncate(String(a, 0), (int)GoValue.Number(At(a, 1)))),
        "not" => JsonValue.Create(!GoValue.IsTrue(One(name, a))),
        "and" => a.FirstOrDefault(value => !GoValue.IsTrue(value)) is { } falsy ? falsy : LastOrFalsy(a, wanted: false),
        "or" => a.FirstOrDefault(GoValue.IsTrue) ?? LastOrFalsy(a, wanted: true),
        "eq" => JsonValue.Create(a.Skip(1).Any(value => GoValue.AreEqual(At(a, 0), value))),
        "ne" => JsonValue.Create(!GoValue.AreEqual(At(a, 0), At(a, 1))),
        "lt" => JsonValue.Create(GoValue.Compare(At(a, 0), At(a, 1)) < 0),
        "le" => JsonValue.Create(GoValue.Compare(At(a, 0), At(a, 1)) <= 0),
        "gt" => JsonValue.Create(GoValue.Compare(At(a, 0), At(a, 1)) > 0),
        "ge" => JsonValue.Create(GoValue.Compare(At(a, 0), At(a, 1)) >= 0),
        _ => throw new TemplateException($"function \"{name}\" not defined"),
    };

    /// <summary>JSON without needless escapes.</summary>
    public static string ToJson(JsonNode? value, bool indented)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, s_plain with { Indented = indented, IndentSize = 4 }))
        {
            if (value is null)
            {
                writer.WriteNullValue();
            }
            else
            {
                value.WriteTo(writer);
            }
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static JsonNode? LastOrFalsy(List<JsonNode?> a, bool wanted)
    {
        if (a.Count == 0)
        {
            throw new TemplateException($"wrong number of args for {(wanted ? "or" : "and")}: want at least 1 got 0");
        }

        return !wanted && a.Contains(null) ? null : a[^1];
    }

    private static JsonValue Text(string text) => JsonValue.Create(text);

    private static JsonArray List(string[] items) => new([.. items.Select(item => (JsonNode?)JsonValue.Create(item))]);

    private static JsonNode? One(string name, List<JsonNode?> a) => a.Count == 1
        ? a[0]
        : throw new TemplateException($"wrong number of args for {name}: want 1 got {a.Count}");

    private static JsonNode? At(List<JsonNode?> a, int index) =>
        index < a.Count ? a[index] : throw new TemplateException($"not enough arguments: want {index + 1} got {a.Count}");

    private static string String(List<JsonNode?> a, int index) =>
        At(a, index) is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : throw new TemplateException($"expected string; found {GoValue.Print(At(a, index))}");

    private static int Length(JsonNode? value) => value switch
    {
        JsonArray list => list.Count,
        JsonObject record => record.Count,
        JsonValue text when text.GetValueKind() == JsonValueKind.String =>
            Encoding.UTF8.GetByteCount(text.GetValue<string>()),
        null => 0,
        _ => throw new TemplateException($"len of {GoValue.Print(value)}"),
    };

    private static JsonNode? Index(List<JsonNode?> a)
    {
        JsonNode? value = At(a, 0);
        foreach (JsonNode? key in a.Skip(1))
        {
            value = value switch
            {
                JsonObject record => record.TryGetPropertyValue(GoValue.Print(key), out JsonNode? found) ? found : Text(""),
                JsonArray list => Element(list, (int)GoValue.Number(key)),
                null => Text(""),
                _ => throw new TemplateException($"can't index {GoValue.Print(value)}"),
            };
        }

        return value;
    }

    private static JsonNode? Element(JsonArray list, int index) =>
        index >= 0 && index < list.Count ? list[index] : throw new TemplateException($"index out of range: {index}");

    private static JsonNode Slice(List<JsonNode?> a)
    {
        int length = Length(At(a, 0));
        int from = a.Count > 1 ? (int)GoValue.Number(a[1]) : 0;
        int to = a.Count > 2 ? (int)GoValue.Number(a[2]) : length;
        if (from < 0 || to > length || from > to)
        {
            throw new TemplateException($"index out of range: {from}:{to}");
        }

        return At(a, 0) switch
        {
            JsonArray list => new JsonArray([.. list.Skip(from).Take(to - from).Select(item => item?.DeepClone())]),
            JsonValue text => Text(text.GetValue<string>()[from..to]),
            _ => throw new TemplateException("can't slice item"),
        };
    }

    private static string Pad(List<JsonNode?> a)
    {
        string text = String(a, 0);
        return text.Length == 0
            ? text
            : new string(' ', (int)GoValue.Number(At(a, 1))) + text + new string(' ', (int)GoValue.Number(At(a, 2)));
    }

    private static string Truncate(string text, int length) => text.Length <= length ? text : text[..length];

    /// <summary>Go's print: a blank between two values when neither is a string.</summary>
    private static string PrintAll(List<JsonNode?> a)
    {
        StringBuilder text = new();
        for (int i = 0; i < a.Count; i++)
        {
            if (i > 0 && !IsString(a[i]) && !IsString(a[i - 1]))
            {
                text.Append(' ');
            }

            text.Append(GoValue.Print(a[i]));
        }

        return text.ToString();
    }

    private static bool IsString(JsonNode? value) => value?.GetValueKind() == JsonValueKind.String;

    /// <summary>The verbs %s %v %d %q %t %%, with width and left alignment.</summary>
    private static string Format(List<JsonNode?> a)
    {
        string format = String(a, 0);
        StringBuilder text = new();
        int next = 1;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            int start = ++i;
            while (i < format.Length && (char.IsAsciiDigit(format[i]) || format[i] is '-'))
            {
                i++;
            }

            if (i >= format.Length)
            {
                throw new TemplateException("printf: format ends in the middle of a verb");
            }

            text.Append(format[i] == '%' ? "%" : Align(FormatVerb(format[i], At(a, next++)), format[start..i]));
        }

        return text.ToString();
    }

    private static string FormatVerb(char verb, JsonNode? value) => verb switch
    {
        's' or 'v' or 'd' or 't' => GoValue.Print(value),
        'q' => ToJson(Text(GoValue.Print(value)), indented: false),
        _ => throw new TemplateException($"printf: verb %{verb} is not supported"),
    };

    private static string Align(string text, string flags)
    {
        if (flags.Length == 0 || !int.TryParse(flags, CultureInfo.InvariantCulture, out int width))
        {
            return text;
        }

        return width < 0 ? text.PadRight(-width) : text.PadLeft(width);
    }
}
