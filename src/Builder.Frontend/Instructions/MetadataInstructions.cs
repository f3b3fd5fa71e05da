// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Instructions;

/// <summary>ARG NAME[=DEFAULT]...</summary>
public sealed record ArgInstruction : Instruction
{
    /// <summary>The names declared; a null value means "no default".</summary>
    public required ImmutableArray<KeyValueWord> Definitions { get; init; }
}

/// <summary>ENV KEY=VALUE... or the legacy ENV KEY VALUE.</summary>
public sealed record EnvInstruction : Instruction
{
    /// <summary>The variables in order; every value sees the environment from before the instruction.</summary>
    public required ImmutableArray<KeyValueWord> Variables { get; init; }

    /// <summary>True for the form without '='.</summary>
    public bool IsLegacyForm { get; init; }
}

/// <summary>LABEL KEY=VALUE... or the legacy LABEL KEY VALUE.</summary>
public sealed record LabelInstruction : Instruction
{
    /// <summary>The labels in order.</summary>
    public required ImmutableArray<KeyValueWord> Labels { get; init; }

    /// <summary>True for the form without '='.</summary>
    public bool IsLegacyForm { get; init; }
}

/// <summary>MAINTAINER NAME (deprecated): sets the author.</summary>
public sealed record MaintainerInstruction : Instruction
{
    /// <summary>The rest of the line.</summary>
    public required Word Name { get; init; }
}

/// <summary>EXPOSE PORT[-PORT][/PROTOCOL]...</summary>
public sealed record ExposeInstruction : Instruction
{
    /// <summary>The words; split again after expansion.</summary>
    public required ImmutableArray<Word> Ports { get; init; }
}

/// <summary>USER NAME[:GROUP].</summary>
public sealed record UserInstruction : Instruction
{
    /// <summary>The user as written.</summary>
    public required Word User { get; init; }
}

/// <summary>WORKDIR PATH.</summary>
public sealed record WorkdirInstruction : Instruction
{
    /// <summary>The directory; relative ones are below the previous one.</summary>
    public required Word Path { get; init; }
}

/// <summary>VOLUME PATH... or VOLUME ["PATH", ...].</summary>
public sealed record VolumeInstruction : Instruction
{
    /// <summary>The paths.</summary>
    public required ImmutableArray<Word> Paths { get; init; }
}

/// <summary>CMD in either form.</summary>
public sealed record CmdInstruction : Instruction
{
    /// <summary>The command.</summary>
    public required CommandForm Command { get; init; }
}

/// <summary>ENTRYPOINT in either form.</summary>
public sealed record EntrypointInstruction : Instruction
{
    /// <summary>The command.</summary>
    public required CommandForm Command { get; init; }
}

/// <summary>SHELL ["EXECUTABLE", ...].</summary>
public sealed record ShellInstruction : Instruction
{
    /// <summary>The shell and its parameters; never empty.</summary>
    public required ImmutableArray<string> Shell { get; init; }
}

/// <summary>STOPSIGNAL SIGNAL.</summary>
public sealed record StopSignalInstruction : Instruction
{
    /// <summary>A name or a number.</summary>
    public required Word Signal { get; init; }
}

/// <summary>HEALTHCHECK NONE or HEALTHCHECK [OPTIONS] CMD COMMAND.</summary>
public sealed record HealthcheckInstruction : Instruction
{
    /// <summary>The probe; null for NONE.</summary>
    public CommandForm? Command { get; init; }

    /// <summary><c>--interval</c>; null when not given.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary><c>--timeout</c>; null when not given.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary><c>--start-period</c>; null when not given.</summary>
    public TimeSpan? StartPeriod { get; init; }

    /// <summary><c>--start-interval</c>; null when not given.</summary>
    public TimeSpan? StartInterval { get; init; }

    /// <summary><c>--retries</c>; null when not given.</summary>
    public int? Retries { get; init; }
}

/// <summary>ONBUILD INSTRUCTION: recorded in the image, run by builds that start from it.</summary>
public sealed record OnBuildInstruction : Instruction
{
    /// <summary>The trigger, parsed (so that its errors show now).</summary>
    public required Instruction Trigger { get; init; }

    /// <summary>The trigger as the image config records it: its text, heredoc bodies included.</summary>
    public required string TriggerText { get; init; }
}
