// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Expansion;

/// <summary>Leaves the lexer; <see cref="WordExpander"/> makes a <see cref="FormatException"/> of it.</summary>
internal sealed class ExpansionException(string message) : Exception(message);
