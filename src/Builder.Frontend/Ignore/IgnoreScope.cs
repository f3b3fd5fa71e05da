// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>
/// What an <see cref="IgnoreMatcher"/> found out about a directory, for the entries in it. The default value stands
/// for the root of the tree. Immutable.
/// </summary>
public readonly struct IgnoreScope
{
    private const int BitsPerWord = 64;

    private readonly ulong _first;
    private readonly ulong[]? _more;

    internal IgnoreScope(bool isIgnored, ulong first, ulong[]? more)
    {
        IsIgnored = isIgnored;
        _first = first;
        _more = more;
    }

    /// <summary>True when the directory itself is excluded.</summary>
    public bool IsIgnored { get; }

    internal bool Matched(int pattern) => pattern < BitsPerWord
        ? (_first & (1UL << pattern)) != 0
        : _more is not null && (_more[(pattern / BitsPerWord) - 1] & (1UL << (pattern % BitsPerWord))) != 0;

    /// <summary>Collects which patterns matched, without allocation for the first 64.</summary>
    internal ref struct Recorder(int patternCount)
    {
        private ulong _first;
        private ulong[]? _more;

        public void Add(int pattern)
        {
            if (pattern < BitsPerWord)
            {
                _first |= 1UL << pattern;
                return;
            }

            _more ??= new ulong[(patternCount - 1) / BitsPerWord];
            _more[(pattern / BitsPerWord) - 1] |= 1UL << (pattern % BitsPerWord);
        }

        public readonly IgnoreScope ToScope(bool isIgnored) => new(isIgnored, _first, _more);
    }
}
