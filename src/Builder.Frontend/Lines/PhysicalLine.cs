// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Lines;

/// <summary>One line of the text: its number from 1, and offsets of its content and of the line after it.</summary>
/// <param name="Number">Counts from 1.</param>
/// <param name="Start">Offset of the first character.</param>
/// <param name="End">Offset after the last character that is no line end.</param>
/// <param name="Next">Offset of the following line.</param>
internal readonly record struct PhysicalLine(int Number, int Start, int End, int Next);
