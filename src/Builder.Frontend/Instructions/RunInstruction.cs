// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Instructions;

/// <summary>RUN [--mount=...] [--network=...] [--security=...] [--device=...] COMMAND.</summary>
public sealed record RunInstruction : Instruction
{
    /// <summary>
    /// The command. With here-documents it is the shell form whose text has the <c>&lt;&lt;EOF</c> words in place.
    /// </summary>
    public required CommandForm Command { get; init; }

    /// <summary>Here-documents in the order of their words.</summary>
    public ImmutableArray<Heredoc> Heredocs { get; init; } = [];

    /// <summary>Values of <c>--mount</c> in order, unexpanded; <see cref="RunMount"/> parses an expanded one.</summary>
    public ImmutableArray<Word> Mounts { get; init; } = [];

    /// <summary>Value of <c>--network</c>, or null.</summary>
    public Word? Network { get; init; }

    /// <summary>Value of <c>--security</c>, or null.</summary>
    public Word? Security { get; init; }

    /// <summary>Values of <c>--device</c> in order.</summary>
    public ImmutableArray<Word> Devices { get; init; } = [];
}
