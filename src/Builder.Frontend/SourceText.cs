// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>A text and the name by which messages mention it (a path as the user wrote it, or "-").</summary>
public sealed record SourceText(string Name, string Text);
