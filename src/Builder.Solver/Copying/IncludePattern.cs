// SPDX-License-Identifier: Apache-2.0

using System.Numerics;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>
/// The pattern of <c>COPY --parents</c>: names with wildcards, <c>**</c> for any number of directories. A path matches
/// when it or a directory above it does. It is matched while walking down: a state says how far a directory has come.
/// </summary>
internal sealed class IncludePattern
{
    private const int MaxNames = 62;

    /// <summary>One element a name; null is <c>**</c>.</summary>
    private readonly GlobPattern?[] _names;

    private IncludePattern(GlobPattern?[] names, bool hasWildcards)
    {
        _names = names;
        HasWildcards = hasWildcards;
        Start = Expand(1);
    }

    /// <summary>True when there is a wildcard: then matching nothing is no error.</summary>
    public bool HasWildcards { get; }

    /// <summary>The state of the directory in which the walk begins.</summary>
    public ulong Start { get; }

    private ulong Accepted => 1UL << _names.Length;

    /// <summary>Parses a path as written; "" matches everything.</summary>
    /// <exception cref="SolveException">The pattern is malformed or has too many names.</exception>
    public static IncludePattern Parse(string path)
    {
        string clean = TreePath.Clean(path);
        string[] names = clean.Length == 0 ? [] : clean.Split('/');
        if (names.Length > MaxNames)
        {
            throw new SolveException($"read pattern \"{path}\": more than {MaxNames} names");
        }

        return new IncludePattern(
            [.. names.Select(name => name == "**" ? null : SourcePattern.ParseName(name))], names.Any(SourcePattern.IsWildcard));
    }

    /// <summary>The state of an entry <paramref name="name"/> of a directory in <paramref name="state"/>.</summary>
    public ulong Next(ulong state, string name)
    {
        ulong next = state & Accepted;
        for (ulong rest = state & ~Accepted; rest != 0; rest &= rest - 1)
        {
            int index = BitOperations.TrailingZeroCount(rest);
            if (_names[index] is not { } wildcard)
            {
                next |= 1UL << index;
            }
            else if (wildcard.IsMatch(name))
            {
                next |= 1UL << (index + 1);
            }
        }

        return Expand(next);
    }

    /// <summary>True when the entry in this state is included.</summary>
    public bool IsIncluded(ulong state) => (state & Accepted) != 0;

    /// <summary>"**" may also stand for no directory at all.</summary>
    private ulong Expand(ulong state)
    {
        for (int i = 0; i < _names.Length; i++)
        {
            if (_names[i] is null && (state & (1UL << i)) != 0)
            {
                state |= 1UL << (i + 1);
            }
        }

        return state;
    }
}
