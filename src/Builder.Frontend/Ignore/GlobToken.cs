// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>The parts of a pattern.</summary>
internal enum GlobTokenKind
{
    /// <summary>One code point that stands for itself, '/' included.</summary>
    Literal,

    /// <summary><c>?</c>: one character but '/'.</summary>
    AnyOne,

    /// <summary><c>*</c>: any number of characters but '/'.</summary>
    AnyRun,

    /// <summary>A bracket expression.</summary>
    Class,

    /// <summary><c>**</c>, with the '/' after it if there is one: nothing, or anything that ends with '/'.</summary>
    Directories,

    /// <summary><c>**</c> at the end: anything.</summary>
    Rest,
}

/// <summary>One part of a pattern; <see cref="CodePoint"/> belongs to literals, <see cref="Class"/> to classes.</summary>
internal readonly record struct GlobToken(GlobTokenKind Kind, int CodePoint = 0, CharacterClass? Class = null)
{
    public bool IsSeparator => Kind == GlobTokenKind.Literal && CodePoint == '/';

    /// <summary>Whether it can match this code point; only for kinds that take exactly one.</summary>
    public bool Takes(int codePoint) => Kind switch
    {
        GlobTokenKind.Literal => codePoint == CodePoint,
        GlobTokenKind.AnyOne => codePoint != '/',
        _ => Class!.Contains(codePoint),
    };
}
