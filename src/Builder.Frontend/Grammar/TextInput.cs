// SPDX-License-Identifier: Apache-2.0

using Sprache;

namespace Builder.Frontend.Grammar;

/// <summary>
/// A position in one instruction's line. Sprache's own input makes a dictionary per character; this one can also skip
/// many characters at once (<see cref="At"/>), which keeps long lines linear and cheap.
/// </summary>
internal sealed class TextInput : IInput
{
    private Dictionary<object, object>? _memos;

    public TextInput(string source, int position)
    {
        Source = source;
        Position = position;
    }

    /// <inheritdoc/>
    public string Source { get; }

    /// <inheritdoc/>
    public int Position { get; }

    /// <inheritdoc/>
    public char Current => Source[Position];

    /// <inheritdoc/>
    public bool AtEnd => Position >= Source.Length;

    /// <inheritdoc/>
    public int Line => 1;

    /// <inheritdoc/>
    public int Column => Position + 1;

    /// <inheritdoc/>
    public IDictionary<object, object> Memos => _memos ??= [];

    /// <inheritdoc/>
    public IInput Advance() => At(Position + 1);

    /// <summary>Another position in the same line.</summary>
    public TextInput At(int position) => new(Source, position);

    /// <inheritdoc/>
    public bool Equals(IInput? other) =>
        other is TextInput input && input.Position == Position && ReferenceEquals(input.Source, Source);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is IInput input && Equals(input);

    /// <inheritdoc/>
    public override int GetHashCode() => Position;
}
