// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Ignore;

/// <summary>
/// The patterns of a .dockerignore, or of <c>COPY --exclude</c>, with moby's pattern semantics: the last match wins,
/// a matched parent excludes its children, <c>!</c> re-includes, <c>**</c> crosses directories.
/// Paths are relative, with '/' and without a leading one. Immutable, for any thread.
/// </summary>
/// <remarks>
/// A walk keeps the <see cref="IgnoreScope"/> of each directory that it is in: <see cref="Enter"/> for a directory,
/// <see cref="IsIgnored(ReadOnlySpan{char}, in IgnoreScope)"/> for anything else in it. The other members find the
/// scope themselves, from the root down.
/// </remarks>
public sealed class IgnoreMatcher
{
    private readonly ImmutableArray<Pattern> _patterns;
    private readonly int _lastNegated;

    private IgnoreMatcher(ImmutableArray<Pattern> patterns)
    {
        _patterns = patterns;
        _lastNegated = -1;
        for (int i = 0; i < patterns.Length; i++)
        {
            _lastNegated = patterns[i].IsNegated ? i : _lastNegated;
        }
    }

    /// <summary>A matcher that excludes nothing.</summary>
    public static IgnoreMatcher None { get; } = new([]);

    /// <summary>True when there is no pattern at all.</summary>
    public bool IsEmpty => _patterns.IsEmpty;

    /// <summary>True when a pattern begins with '!'.</summary>
    public bool HasNegations => _lastNegated >= 0;

    /// <summary>Reads an ignore file: comments, blank lines, BOM, cleaning of every pattern.</summary>
    /// <exception cref="DockerfileException">A pattern is malformed; the place is its line.</exception>
    public static IgnoreMatcher Parse(SourceText source)
    {
        var patterns = ImmutableArray.CreateBuilder<Pattern>();
        var errors = ImmutableArray.CreateBuilder<Diagnostic>();
        foreach (IgnoreLine line in IgnoreFile.Read(source))
        {
            try
            {
                patterns.Add(new Pattern(GlobPattern.ParseDeep(line.Pattern), line.IsNegated, line.Line));
            }
            catch (FormatException malformed)
            {
                errors.Add(IgnoreFile.Error(line.Line, malformed.Message));
            }
        }

        return errors.Count == 0
            ? new IgnoreMatcher(patterns.DrainToImmutable())
            : throw new DockerfileException(source, errors.DrainToImmutable());
    }

    /// <summary>Makes a matcher of patterns given one by one; their number takes the place of the line.</summary>
    /// <exception cref="FormatException">A pattern is malformed.</exception>
    public static IgnoreMatcher FromPatterns(ImmutableArray<string> patterns)
    {
        var compiled = ImmutableArray.CreateBuilder<Pattern>(patterns.Length);
        for (int i = 0; i < patterns.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(patterns[i]))
            {
                continue;
            }

            IgnoreLine line = IgnoreFile.ParseLine(patterns[i].Trim(), i + 1);
            if (line.Pattern.Length == 0)
            {
                throw new FormatException("malformed pattern \"!\": no pattern follows the '!'");
            }

            compiled.Add(new Pattern(GlobPattern.ParseDeep(line.Pattern), line.IsNegated, line.Line));
        }

        return new IgnoreMatcher(compiled.DrainToImmutable());
    }

    /// <summary>True when the path, or a parent of it, is excluded by the last pattern that says anything about it.</summary>
    public bool IsIgnored(string path)
    {
        ReadOnlySpan<char> trimmed = Trim(path);
        return IsIgnored(trimmed, ScopeOfParent(trimmed));
    }

    /// <summary>The same for a path whose parent directory was entered with <paramref name="parent"/> as its scope.</summary>
    public bool IsIgnored(ReadOnlySpan<char> path, in IgnoreScope parent)
    {
        var unused = new IgnoreScope.Recorder(_patterns.Length);
        Decide(path, parent, ref unused, out bool isIgnored);
        return isIgnored;
    }

    /// <summary>The scope for what is in a directory; its own verdict is <see cref="IgnoreScope.IsIgnored"/>.</summary>
    public IgnoreScope Enter(ReadOnlySpan<char> directory, in IgnoreScope parent)
    {
        var matched = new IgnoreScope.Recorder(_patterns.Length);
        Decide(directory, parent, ref matched, out bool isIgnored);
        return matched.ToScope(isIgnored);
    }

    /// <summary>
    /// For an ignored directory: false when no negated pattern can match anything below it, so that a walk need not
    /// enter it.
    /// </summary>
    public bool MayIncludeBelow(string directory)
    {
        ReadOnlySpan<char> trimmed = Trim(directory);
        return MayIncludeBelow(trimmed, Enter(trimmed, ScopeOfParent(trimmed)));
    }

    /// <summary>The same for a directory whose scope is known.</summary>
    public bool MayIncludeBelow(ReadOnlySpan<char> directory, in IgnoreScope scope)
    {
        // What excludes the directory excludes all below it again, so only later patterns can include.
        for (int i = _lastNegated < 0 ? -1 : _patterns.Length - 1; i >= 0; i--)
        {
            if (_patterns[i].IsNegated)
            {
                if (_patterns[i].Glob.MayMatchBelow(directory))
                {
                    return true;
                }
            }
            else if (scope.Matched(i))
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>The line number (from 1) of the pattern that decided, or null; for "excluded by .dockerignore line 3".</summary>
    public int? DecidingLine(string path)
    {
        ReadOnlySpan<char> trimmed = Trim(path);
        var unused = new IgnoreScope.Recorder(_patterns.Length);
        int deciding = Decide(trimmed, ScopeOfParent(trimmed), ref unused, out _);
        return deciding < 0 ? null : _patterns[deciding].Line;
    }

    private static ReadOnlySpan<char> Trim(string path) => path.Length > 1 ? path.AsSpan().TrimEnd('/') : path;

    private IgnoreScope ScopeOfParent(ReadOnlySpan<char> path)
    {
        IgnoreScope scope = default;
        for (int i = 1; i < path.Length && !IsEmpty; i++)
        {
            if (path[i] == '/')
            {
                scope = Enter(path[..i], scope);
            }
        }

        return scope;
    }

    /// <summary>
    /// The one place of the semantics: patterns in order, each asked only when it could change the verdict so far; one
    /// that matched the parent matches without being asked. Returns the index of the last that changed it, or -1.
    /// </summary>
    private int Decide(
        ReadOnlySpan<char> path, in IgnoreScope parent, ref IgnoreScope.Recorder matched, out bool isIgnored)
    {
        isIgnored = false;
        int deciding = -1;
        if (path is "." or "")
        {
            return deciding;
        }

        for (int i = 0; i < _patterns.Length; i++)
        {
            bool isNegated = _patterns[i].IsNegated;
            if (!parent.Matched(i) && (isNegated != isIgnored || !_patterns[i].Glob.IsMatch(path)))
            {
                continue;
            }

            matched.Add(i);
            deciding = i;
            isIgnored = !isNegated;
            if (isIgnored && i >= _lastNegated)
            {
                break;
            }
        }

        return deciding;
    }

    private readonly record struct Pattern(GlobPattern Glob, bool IsNegated, int Line);
}
