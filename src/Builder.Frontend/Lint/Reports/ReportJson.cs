// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Builder.Frontend.Lint.Reports;

/// <summary>The JSON forms of all reports.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(LintReportJson))]
[JsonSerializable(typeof(SarifLog))]
[JsonSerializable(typeof(OutlineJson))]
[JsonSerializable(typeof(TargetsJson))]
[JsonSerializable(typeof(CompatibilityJson))]
internal sealed partial class ReportJson : JsonSerializerContext;

/// <summary>A place, as BuildKit writes it: ranges of lines.</summary>
internal sealed record LocationJson
{
    public required ImmutableArray<RangeJson> Ranges { get; init; }

    public static LocationJson? From(SourceSpan? span) => span is { } place
        ? new LocationJson { Ranges = [new RangeJson { Start = Position(place.Start), End = Position(place.End) }] }
        : null;

    // BuildKit counts characters from 0; the end of a whole line has none.
    private static PositionJson Position(SourcePosition position) => new()
    {
        Line = position.Line,
        Character = position.Column is > 1 and < int.MaxValue ? position.Column - 1 : null,
    };
}

/// <summary>From here to there.</summary>
internal sealed record RangeJson
{
    public required PositionJson Start { get; init; }

    public required PositionJson End { get; init; }
}

/// <summary>A line from 1, a character from 0.</summary>
internal sealed record PositionJson
{
    public required int Line { get; init; }

    public int? Character { get; init; }
}

/// <summary>All findings and their source.</summary>
internal sealed record LintReportJson
{
    public required ImmutableArray<LintWarningJson> Warnings { get; init; }

    public required ImmutableArray<LintSourceJson> Sources { get; init; }
}

/// <summary>One finding.</summary>
internal sealed record LintWarningJson
{
    public required string RuleName { get; init; }

    public string? Description { get; init; }

    public string? Url { get; init; }

    public required string Detail { get; init; }

    public string? Hint { get; init; }

    public required string Level { get; init; }

    public LocationJson? Location { get; init; }
}

/// <summary>A checked text.</summary>
internal sealed record LintSourceJson
{
    public required string FileName { get; init; }

    public required string Language { get; init; }

    /// <summary>Base64 of the UTF-8 text.</summary>
    public required string Data { get; init; }
}
