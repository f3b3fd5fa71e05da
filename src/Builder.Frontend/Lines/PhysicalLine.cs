// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Lines;

/// <summary>One line of the text: its number, and the offsets of its content.</summary>
/// <param name="Number">Counts from 1.</param>
/// <param name="Start">Offset of the first character.</param>
/// <param name="End">Offset after the last character that is no line end.</param>
internal readonly record struct PhysicalLine(int Number, int Start, int End);
