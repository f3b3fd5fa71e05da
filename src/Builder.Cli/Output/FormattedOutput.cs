// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Templates;

namespace Builder.Cli.Output;

/// <summary><c>--format</c> as docker has it: <c>table</c>, <c>json</c>, a template, or <c>table TEMPLATE</c>.</summary>
internal static class FormattedOutput
{
    private const string TablePrefix = "table";

    /// <summary>The option.</summary>
    public static Option<string?> CreateOption(params string[] aliases) => OptionFactory.Text(
        "--format", "FORMAT", "'table', 'table TEMPLATE', 'json', or a Go template", aliases);

    /// <summary>True when the command's own table is asked for.</summary>
    public static bool IsTable(string? format) => format is null or "" or TablePrefix;

    /// <summary>Writes one value.</summary>
    public static void WriteOne(CliContext cli, string format, JsonNode value) => WriteRows(cli, format, [value]);

    /// <summary>Writes one line for every row in a format other than the command's own table.</summary>
    public static void WriteRows(CliContext cli, string format, IReadOnlyList<JsonNode> rows)
    {
        if (format == "json")
        {
            foreach (JsonNode row in rows)
            {
                cli.Out.WriteLine(TemplateFunctions.ToJson(row, indented: false));
            }

            return;
        }

        if (format.StartsWith(TablePrefix + " ", StringComparison.Ordinal))
        {
            WriteTable(cli, Unescape(format[(TablePrefix.Length + 1)..]), rows);
            return;
        }

        GoTemplate template = GoTemplate.Parse(Unescape(format));
        foreach (JsonNode row in rows)
        {
            cli.Out.WriteLine(template.Execute(row));
        }
    }

    private static void WriteTable(CliContext cli, string text, IReadOnlyList<JsonNode> rows)
    {
        GoTemplate template = GoTemplate.Parse(text);
        string[] headers = template.Execute(new HeaderNames(rows.Count > 0 ? rows[0] : null).Node).Split('\t');
        TextTable table = new(headers);
        foreach (JsonNode row in rows)
        {
            string[] cells = template.Execute(row).Split('\t');
            Array.Resize(ref cells, headers.Length);
            table.Add([.. cells.Select(cell => cell ?? "")]);
        }

        table.Write(cli.Out);
    }

    /// <summary>A shell hands \t and \n over as two characters each; docker reads them as tab and newline.</summary>
    private static string Unescape(string format) =>
        format.Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal);

    /// <summary>A row whose fields are their own headings: <c>RunningFor</c> is <c>RUNNING FOR</c>.</summary>
    private sealed class HeaderNames
    {
        public HeaderNames(JsonNode? sample)
        {
            foreach (string name in (sample as JsonObject)?.Select(pair => pair.Key) ?? [])
            {
                Node[name] = Heading(name);
            }
        }

        public JsonObject Node { get; } = [];

        private static string Heading(string name) => name switch
        {
            "ID" => "ID",
            "CreatedSince" or "RunningFor" => "CREATED",
            "CreatedAt" => "CREATED AT",
            "CreatedBy" => "CREATED BY",
            _ => name.ToUpperInvariant(),
        };
    }
}
