// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Builder.Frontend.Lint.Reports;

/// <summary>The root of a SARIF file; only what bld says.</summary>
internal sealed record SarifLog
{
    [JsonPropertyName("$schema")]
    public string Schema { get; init; } = "https://json.schemastore.org/sarif-2.1.0.json";

    public string Version { get; init; } = "2.1.0";

    public required ImmutableArray<SarifRun> Runs { get; init; }
}

/// <summary>One run of one tool.</summary>
internal sealed record SarifRun
{
    public required SarifTool Tool { get; init; }

    public required ImmutableArray<SarifResult> Results { get; init; }

    /// <summary>The unit of columns: that of <see cref="SourcePosition"/>.</summary>
    public string ColumnKind { get; init; } = "utf16CodeUnits";
}

/// <summary>The tool.</summary>
internal sealed record SarifTool
{
    public required SarifDriver Driver { get; init; }
}

/// <summary>The tool's name and rules.</summary>
internal sealed record SarifDriver
{
    public required string Name { get; init; }

    public required string Version { get; init; }

    public required ImmutableArray<SarifRule> Rules { get; init; }
}

/// <summary>A rule that was violated.</summary>
internal sealed record SarifRule
{
    public required string Id { get; init; }

    public required SarifText ShortDescription { get; init; }

    public SarifText? Help { get; init; }

    public string? HelpUri { get; init; }
}

/// <summary>Plain text.</summary>
internal sealed record SarifText
{
    public required string Text { get; init; }
}

/// <summary>A finding.</summary>
internal sealed record SarifResult
{
    public required string RuleId { get; init; }

    public required int RuleIndex { get; init; }

    public required string Level { get; init; }

    public required SarifText Message { get; init; }

    public required ImmutableArray<SarifLocation> Locations { get; init; }
}

/// <summary>A place.</summary>
internal sealed record SarifLocation
{
    public required SarifPhysicalLocation PhysicalLocation { get; init; }
}

/// <summary>A region of a file.</summary>
internal sealed record SarifPhysicalLocation
{
    public required SarifArtifact ArtifactLocation { get; init; }

    public SarifRegion? Region { get; init; }
}

/// <summary>A file, relative to the repository.</summary>
internal sealed record SarifArtifact
{
    public required string Uri { get; init; }
}

/// <summary>Lines and columns from 1.</summary>
internal sealed record SarifRegion
{
    public required int StartLine { get; init; }

    public required int StartColumn { get; init; }

    public required int EndLine { get; init; }

    public int? EndColumn { get; init; }
}
