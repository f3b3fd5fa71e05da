// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Instructions;

/// <summary>What COPY and ADD share.</summary>
public abstract record TransferInstruction : Instruction
{
    /// <summary>Sources in order: paths, patterns, for ADD also URLs. Here-documents are in <see cref="Heredocs"/>.</summary>
    public required ImmutableArray<Word> Sources { get; init; }

    /// <summary>Here-document sources in order; each becomes a file named by its word.</summary>
    public ImmutableArray<Heredoc> Heredocs { get; init; } = [];

    /// <summary>The last word.</summary>
    public required Word Destination { get; init; }

    /// <summary><c>--chown</c>, or null.</summary>
    public Word? Chown { get; init; }

    /// <summary><c>--chmod</c>: octal or symbolic, or null.</summary>
    public Word? Chmod { get; init; }

    /// <summary><c>--link</c>.</summary>
    public bool Link { get; init; }

    /// <summary><c>--exclude</c> patterns in order.</summary>
    public ImmutableArray<Word> Exclude { get; init; } = [];
}

/// <summary>COPY SRC... DST.</summary>
public sealed record CopyInstruction : TransferInstruction
{
    /// <summary><c>--from</c>: a stage, an image or a named context; null means the build context.</summary>
    public Word? From { get; init; }

    /// <summary><c>--parents</c>.</summary>
    public bool Parents { get; init; }
}
