// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Lines;

/// <summary>
/// A part of a logical line. <see cref="Text"/> is its value, which differs from the characters at its place where
/// quotes or JSON escapes were removed.
/// </summary>
/// <param name="Text">The value.</param>
/// <param name="Start">Where it begins in the logical line.</param>
/// <param name="End">Where it ends, exclusive.</param>
internal readonly record struct Token(string Text, int Start, int End);
