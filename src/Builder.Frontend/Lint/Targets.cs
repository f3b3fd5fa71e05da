// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Builder.Frontend.Lint.Reports;

namespace Builder.Frontend.Lint;

/// <summary>A stage that can be built: what <c>build --call=targets</c> lists.</summary>
public sealed record BuildTarget
{
    /// <summary>Its name in lower case; "" when it has none.</summary>
    public required string Name { get; init; }

    /// <summary>True for the last stage.</summary>
    public bool IsDefault { get; init; }

    /// <summary>The text of a comment <c># NAME text</c> right above FROM, or "".</summary>
    public string Description { get; init; } = "";

    /// <summary>What stands after FROM, not expanded.</summary>
    public required string Base { get; init; }

    /// <summary>The value of --platform, not expanded, or "".</summary>
    public string Platform { get; init; } = "";

    /// <summary>The place of FROM.</summary>
    public required SourceSpan Span { get; init; }
}

/// <summary>The targets of a Dockerfile.</summary>
public sealed record Targets
{
    private static readonly string[] s_header = ["TARGET", "DESCRIPTION"];

    private Targets(SourceText source, ImmutableArray<BuildTarget> all)
    {
        Source = source;
        All = all;
    }

    /// <summary>The Dockerfile's text.</summary>
    public SourceText Source { get; }

    /// <summary>All stages in order.</summary>
    public ImmutableArray<BuildTarget> All { get; }

    /// <summary>Lists the stages.</summary>
    public static Targets Of(Dockerfile dockerfile) => new(
        dockerfile.Source,
        [
            .. dockerfile.Stages.Select(stage => new BuildTarget
            {
                Name = stage.Name ?? "",
                IsDefault = stage.Index == dockerfile.Stages.Length - 1,
                Description = Descriptions.Find(stage.From, stage.Name),
                Base = stage.From.Image.Text,
                Platform = stage.From.Platform?.Text ?? "",
                Span = stage.From.Span,
            }),
        ]);

    /// <summary>A table as buildx prints it.</summary>
    public string ToText() => Columns.Write(
        All.Select(target => new[] { DisplayName(target), target.Description }).Prepend(s_header));

    /// <summary>JSON as BuildKit answers it.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new TargetsJson
        {
            Targets =
            [
                .. All.Select(target => new TargetJson
                {
                    Name = NullIfEmpty(target.Name),
                    Default = target.IsDefault ? true : null,
                    Description = NullIfEmpty(target.Description),
                    Base = target.Base,
                    Platform = NullIfEmpty(target.Platform),
                    Location = LocationJson.From(target.Span),
                }),
            ],
            Sources = [Convert.ToBase64String(Encoding.UTF8.GetBytes(Source.Text))],
        },
        ReportJson.Default.TargetsJson) + "\n";

    private static string DisplayName(BuildTarget target) => (target.Name, target.IsDefault) switch
    {
        ("", true) => "(default)",
        (var name, true) => name + " (default)",
        (var name, false) => name,
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
