// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Executor.Images;
using Builder.Executor.Maintenance;
using Builder.Solver;
using Builder.Solver.Images;

namespace Builder.Cli.Building;

/// <summary>Compares an image with its rebuild and tells what differs: layer by layer, file by file, field by field.</summary>
internal sealed class VerifyReport(Composition composition, bool ignoresTimes, bool showsAll)
{
    private const int ShownPaths = 50;

    private static readonly string[] s_timeFields = ["created"];

    /// <summary>Writes the report; true when nothing differs.</summary>
    public async Task<bool> WriteAsync(StoredImage image, PlatformImage rebuilt, CancellationToken cancellationToken)
    {
        bool isEqual = await CompareLayersAsync(image.Config, rebuilt.Config, cancellationToken);
        JsonNode before = Parse(composition.Images.ReadConfig(image));
        JsonNode after = Parse(ExportImage.From(rebuilt).Config.AsSpan());
        List<string> fields = [];
        Compare("", before, after, fields);
        foreach (string field in fields)
        {
            composition.Cli.Out.WriteLine($"config {field}");
        }

        return isEqual && fields.Count == 0;
    }

    private async Task<bool> CompareLayersAsync(ImageConfig image, ImageConfig rebuilt, CancellationToken cancellationToken)
    {
        TextWriter output = composition.Cli.Out;
        LayerComparison comparison = new(composition.Store, composition.ImageSource.Layers, ignoresTimes);
        bool isEqual = true;
        int count = Math.Max(image.RootFs.Layers.Length, rebuilt.RootFs.Layers.Length);
        for (int i = 0; i < count; i++)
        {
            DiffId? one = i < image.RootFs.Layers.Length ? image.RootFs.Layers[i] : null;
            DiffId? other = i < rebuilt.RootFs.Layers.Length ? rebuilt.RootFs.Layers[i] : null;
            string label = string.Create(CultureInfo.InvariantCulture, $"layer {i + 1} of {count}");
            string origin = OriginOf(image, i) ?? OriginOf(rebuilt, i) ?? "";
            if (one == other)
            {
                output.WriteLine($"{label}: equal  {one}  {origin}");
                continue;
            }

            ImmutableArray<PathDifference> differences = await comparison.CompareAsync(one, other, cancellationToken);
            bool isSame = differences.IsEmpty && one is not null && other is not null;
            isEqual &= isSame;
            output.WriteLine(isSame
                ? $"{label}: equal but for times  {origin}"
                : $"{label}: differs  {one?.ToString() ?? "none"} -> {other?.ToString() ?? "none"}  {origin}");
            WritePaths(output, differences);
        }

        return isEqual;
    }

    private void WritePaths(TextWriter output, ImmutableArray<PathDifference> differences)
    {
        foreach (PathDifference difference in differences.Take(showsAll ? int.MaxValue : ShownPaths))
        {
            output.WriteLine($"    {difference.Path}: {string.Join(", ", difference.Differences)}");
        }

        if (!showsAll && differences.Length > ShownPaths)
        {
            output.WriteLine($"    and {differences.Length - ShownPaths} more (--all shows them)");
        }
    }

    /// <summary>The instruction that made a layer, from history.</summary>
    private static string? OriginOf(ImageConfig config, int layer) =>
        config.History.Where(entry => !entry.EmptyLayer).Skip(layer).FirstOrDefault()?.CreatedBy;

    private static JsonNode Parse(ReadOnlySpan<byte> json)
    {
        JsonNode node = JsonNode.Parse(json)!;
        node.AsObject().Remove("rootfs"); // told as layers
        return node;
    }

    private void Compare(string path, JsonNode? before, JsonNode? after, List<string> fields)
    {
        if (JsonNode.DeepEquals(before, after) || (ignoresTimes && s_timeFields.Any(name => path.EndsWith(name, StringComparison.Ordinal))))
        {
            return;
        }

        switch (before, after)
        {
            case (JsonObject one, JsonObject other):
                foreach (string name in one.Select(p => p.Key).Union(other.Select(p => p.Key)).Order(StringComparer.Ordinal))
                {
                    Compare(path.Length == 0 ? name : $"{path}.{name}", one[name], other[name], fields);
                }

                break;
            case (JsonArray one, JsonArray other):
                for (int i = 0; i < Math.Max(one.Count, other.Count); i++)
                {
                    Compare(
                        string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"),
                        i < one.Count ? one[i] : null, i < other.Count ? other[i] : null, fields);
                }

                break;
            default:
                fields.Add($"{path}: {Show(before)} -> {Show(after)}");
                break;
        }
    }

    private static string Show(JsonNode? node) => node is null ? "none" : Templates.TemplateFunctions.ToJson(node, indented: false);
}
