// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Nodes;
using Builder.Cli.Templates;

namespace Builder.Cli.Output;

/// <summary>One object that <c>inspect</c> shows.</summary>
/// <param name="Full">With every key a template may ask for.</param>
/// <param name="Printed">As it is printed without a template.</param>
internal sealed record InspectedObject(JsonObject Full, JsonObject Printed);

/// <summary>Shows objects as <c>docker inspect</c> does: a JSON array, or a template for each.</summary>
internal static class Inspection
{
    /// <summary>
    /// Looks every name up and shows what was found; those not found are reported on standard error and make the status 1.
    /// </summary>
    public static int Show(
        CliContext cli, string[] names, string? format, string kind, Func<string, InspectedObject?> find)
    {
        List<InspectedObject> found = [];
        List<string> missing = [];
        foreach (string name in names)
        {
            if (find(name) is { } item)
            {
                found.Add(item);
            }
            else
            {
                missing.Add(name);
            }
        }

        Write(cli, found, format);
        foreach (string name in missing)
        {
            cli.Error.WriteLine($"error: no such {kind}: {name}");
        }

        return missing.Count == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    private static void Write(CliContext cli, List<InspectedObject> found, string? format)
    {
        if (format is null or "")
        {
            JsonArray array = new([.. found.Select(item => (JsonNode?)item.Printed)]);
            cli.Out.WriteLine(TemplateFunctions.ToJson(array, indented: true));
            return;
        }

        if (format == "json")
        {
            JsonArray array = new([.. found.Select(item => (JsonNode?)item.Printed)]);
            cli.Out.WriteLine(TemplateFunctions.ToJson(array, indented: false));
            return;
        }

        GoTemplate template = GoTemplate.Parse(format);
        foreach (InspectedObject item in found)
        {
            cli.Out.WriteLine(template.Execute(item.Full));
        }
    }
}
