// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Builder.Executor.Devices;

/// <summary>
/// One YAML document as JSON: mappings with text keys, sequences, scalars by YAML's core schema. Anchors are refused, so
/// that the result is never larger than the text.
/// </summary>
internal static class YamlDocument
{
    private const int MaxDepth = 64;

    /// <summary>Reads the first document; null when there is none.</summary>
    /// <exception cref="FormatException">Malformed.</exception>
    public static JsonNode? Read(TextReader text)
    {
        try
        {
            var parser = new Parser(text);
            parser.Consume<StreamStart>();
            return parser.TryConsume<DocumentStart>(out _) ? ReadNode(parser, 0) : null;
        }
        catch (YamlException failure)
        {
            throw new FormatException(
                string.Create(CultureInfo.InvariantCulture, $"line {failure.Start.Line}: {failure.Message}"), failure);
        }
    }

    private static JsonNode? ReadNode(Parser parser, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"nested more than {MaxDepth} deep");
        }

        if (parser.TryConsume<Scalar>(out Scalar? scalar))
        {
            return Refuse(scalar) is { IsPlainImplicit: true } plain ? FromPlain(plain.Value) : JsonValue.Create(scalar.Value);
        }

        if (parser.TryConsume<SequenceStart>(out SequenceStart? sequence))
        {
            Refuse(sequence);
            var array = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                array.Add(ReadNode(parser, depth + 1));
            }

            return array;
        }

        if (parser.TryConsume<MappingStart>(out MappingStart? mapping))
        {
            Refuse(mapping);
            return ReadMapping(parser, depth);
        }

        throw new FormatException("an alias (*name) is not supported");
    }

    private static JsonObject ReadMapping(Parser parser, int depth)
    {
        var result = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            string key = parser.Consume<Scalar>().Value;
            JsonNode? value = ReadNode(parser, depth + 1);
            if (!result.TryAdd(key, value))
            {
                throw new FormatException($"the key {key} stands twice");
            }
        }

        return result;
    }

    private static T Refuse<T>(T node)
        where T : NodeEvent =>
        node.Anchor.IsEmpty ? node : throw new FormatException($"the anchor &{node.Anchor} is not supported");

    private static JsonValue? FromPlain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ => Number(text) is { } number ? JsonValue.Create(number) : JsonValue.Create(text),
    };

    // Octal as YAML 1.1 writes it (0666), as the specifications in use do for modes.
    private static long? Number(string text)
    {
        try
        {
            return text.StartsWith("0o", StringComparison.Ordinal) ? Convert.ToInt64(text[2..], 8)
                : text.Length > 1 && text[0] == '0' && text.All(char.IsAsciiDigit) ? Convert.ToInt64(text, 8)
                : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
                : null;
        }
        catch (FormatException)
        {
            return null; // 089 is a text
        }
    }
}
