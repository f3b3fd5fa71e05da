// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;

namespace Builder.Frontend.Expansion;

/// <summary>Collects words: white space ends one unless it was quoted or escaped; empty words vanish.</summary>
internal sealed class WordSplitter
{
    private readonly ImmutableArray<string>.Builder _words = ImmutableArray.CreateBuilder<string>();
    private readonly StringBuilder _word = new();

    /// <summary>Takes text in which white space splits.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                EndWord();
            }
            else
            {
                _word.Append(c);
            }
        }
    }

    /// <summary>Takes text as it is.</summary>
    public void AddRaw(ReadOnlySpan<char> text) => _word.Append(text);

    /// <summary>The words.</summary>
    public ImmutableArray<string> ToImmutable()
    {
        EndWord();
        return _words.ToImmutable();
    }

    private void EndWord()
    {
        if (_word.Length > 0)
        {
            _words.Add(_word.ToString());
            _word.Clear();
        }
    }
}
