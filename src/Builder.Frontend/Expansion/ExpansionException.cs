// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Expansion;

/// <summary>Leaves the lexer; <see cref="WordExpander"/> adds the word.</summary>
internal sealed class ExpansionException(string message) : Exception(message);
