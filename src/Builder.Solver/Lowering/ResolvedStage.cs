// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;

namespace Builder.Solver.Lowering;

/// <summary>A stage with everything known that lowering needs: its base, its triggers, what it copies from.</summary>
internal sealed class ResolvedStage
{
    /// <summary>The stage as written.</summary>
    public required Stage Stage { get; init; }

    /// <summary>Its name, or <c>stage-N</c>.</summary>
    public required string DisplayName { get; init; }

    /// <summary>What it starts from.</summary>
    public required FileSource Base { get; init; }

    /// <summary>The platform of its commands.</summary>
    public required Platform Platform { get; init; }

    /// <summary>The instructions of its base's ONBUILD, then its own; none when a named context replaced the stage.</summary>
    public required ImmutableArray<Instruction> Instructions { get; init; }

    /// <summary>How many of <see cref="Instructions"/> are triggers.</summary>
    public required int TriggerCount { get; init; }

    /// <summary>What the values of <c>COPY --from</c> and of mounts' <c>from</c> mean here.</summary>
    public required IReadOnlyDictionary<string, FileSource> Sources { get; init; }
}

/// <summary>Where FROM, <c>COPY --from</c> or a mount's <c>from</c> takes files.</summary>
internal abstract record FileSource;

/// <summary>The empty file system.</summary>
internal sealed record ScratchSource : FileSource;

/// <summary>A stage of this Dockerfile.</summary>
internal sealed record StageSource(ResolvedStage Stage) : FileSource;

/// <summary>An image.</summary>
/// <param name="Name">Its full name, as progress shows it.</param>
/// <param name="Image">What it is.</param>
internal sealed record ImageFileSource(string Name, ResolvedImage Image) : FileSource;

/// <summary>A named context of files.</summary>
internal sealed record NamedContextSource(string Name) : FileSource;
