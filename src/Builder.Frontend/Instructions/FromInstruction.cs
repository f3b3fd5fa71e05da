// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>FROM [--platform=P] IMAGE [AS NAME].</summary>
public sealed record FromInstruction : Instruction
{
    /// <summary>An image, an earlier stage's name, or <c>scratch</c>; expanded with global ARGs only.</summary>
    public required Word Image { get; init; }

    /// <summary>The value of <c>--platform</c>, or null.</summary>
    public Word? Platform { get; init; }

    /// <summary>The stage's name as written, or null.</summary>
    public Word? StageName { get; init; }
}
