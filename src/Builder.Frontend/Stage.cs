// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;

namespace Builder.Frontend;

/// <summary>A FROM instruction and what follows it up to the next.</summary>
public sealed record Stage
{
    /// <summary>Position among the stages, from 0; <c>COPY --from=0</c> means it.</summary>
    public required int Index { get; init; }

    /// <summary>The instruction that opens the stage.</summary>
    public required FromInstruction From { get; init; }

    /// <summary>The instructions after FROM, in order.</summary>
    public required ImmutableArray<Instruction> Instructions { get; init; }

    /// <summary>The name given by AS in lower case, or null.</summary>
    public string? Name => From.StageName?.Text.ToLowerInvariant();
}
