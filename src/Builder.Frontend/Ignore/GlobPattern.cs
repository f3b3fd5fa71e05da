// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;

namespace Builder.Frontend.Ignore;

/// <summary>
/// A pattern for slash-separated paths with the meaning of Go's filepath.Match: <c>*</c>, <c>?</c>, <c>[a-z]</c>,
/// <c>[^a]</c>, a backslash before what stands for itself; the whole path must match. Immutable, for any thread.
/// Paths are compared as they are: clean them first.
/// </summary>
public sealed class GlobPattern
{
    /// <summary>Of a pattern with <c>**</c>, whose time is that of the pattern times that of the path.</summary>
    private const int MaxDeepSegments = 256;

    /// <summary>Of a pattern that does not keep to segments, for the same reason.</summary>
    private const int MaxIrregularTokens = 256;

    private readonly PathMatcher _matcher;

    private GlobPattern(string text, bool isDeep)
    {
        Text = text;
        ImmutableArray<GlobToken> tokens = GlobReader.Read(text, isDeep);
        HasWildcards = tokens.Any(token => token.Kind != GlobTokenKind.Literal);
        Base = FindBase(tokens.AsSpan());
        _matcher = isDeep ? CompileDeep(text, tokens.AsSpan()) : Compile(tokens.AsSpan());
    }

    /// <summary>The pattern as given.</summary>
    public string Text { get; }

    /// <summary>False when the pattern is one path; that path is then <see cref="Base"/>.</summary>
    public bool HasWildcards { get; }

    /// <summary>
    /// The directories before the first segment with a wildcard, without backslashes; "" when the first segment has
    /// one. Only below it can anything match.
    /// </summary>
    public string Base { get; }

    /// <summary>Reads a pattern of COPY and ADD; <c>**</c> is no more than <c>*</c>.</summary>
    /// <exception cref="FormatException">The pattern is malformed.</exception>
    public static GlobPattern Parse(string pattern) => new(pattern, isDeep: false);

    /// <summary>
    /// Reads a pattern in which <c>**</c> crosses directories, as in an ignore file, <c>COPY --parents</c> and
    /// <c>--exclude</c>: <c>**/</c> is any number of directories, also none; a <c>**</c> at the end is anything.
    /// </summary>
    /// <exception cref="FormatException">The pattern is malformed.</exception>
    public static GlobPattern ParseDeep(string pattern) => new(pattern, isDeep: true);

    /// <summary>True when the whole path matches.</summary>
    public bool IsMatch(ReadOnlySpan<char> path) => _matcher.IsMatch(path);

    /// <summary>False only when nothing below this directory can match, so that a walk need not enter it.</summary>
    public bool MayMatchBelow(ReadOnlySpan<char> directory) =>
        directory.IsEmpty || _matcher.MayMatchBelow(directory);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>The text that these tokens stand for, or null when one of them is a wildcard.</summary>
    internal static string? LiteralOf(ReadOnlySpan<GlobToken> tokens)
    {
        var text = new StringBuilder(tokens.Length);
        foreach (GlobToken token in tokens)
        {
            if (token.Kind != GlobTokenKind.Literal)
            {
                return null;
            }

            if (token.CodePoint > char.MaxValue)
            {
                text.Append(char.ConvertFromUtf32(token.CodePoint));
            }
            else
            {
                text.Append((char)token.CodePoint);
            }
        }

        return text.ToString();
    }

    private static string FindBase(ReadOnlySpan<GlobToken> tokens)
    {
        int separator = -1;
        for (int i = 0; i < tokens.Length; i++)
        {
            if (tokens[i].Kind != GlobTokenKind.Literal)
            {
                return separator <= 0 ? "" : LiteralOf(tokens[..separator])!;
            }

            separator = tokens[i].IsSeparator ? i : separator;
        }

        return LiteralOf(tokens)!;
    }

    /// <summary>
    /// moby/patternmatcher compares the start or the end of the path when a <c>**</c> before or after plain text is the
    /// only special thing, without regard to segments: <c>**file</c> matches "profile".
    /// </summary>
    private static PathMatcher CompileDeep(string text, ReadOnlySpan<GlobToken> tokens)
    {
        ReadOnlySpan<char> special = @"*?[]\";
        if (text.StartsWith("**", StringComparison.Ordinal) && !text.AsSpan(2).ContainsAny(special))
        {
            return new SuffixPath(text[2..]);
        }

        if (text.EndsWith("**", StringComparison.Ordinal) && !text.AsSpan()[..^2].ContainsAny(special))
        {
            return new PrefixPath(text[..^2]);
        }

        return Compile(tokens);
    }

    private static PathMatcher Compile(ReadOnlySpan<GlobToken> tokens)
    {
        if (LiteralOf(tokens) is { } literal)
        {
            return new LiteralPath(literal);
        }

        var segments = new List<NamePattern?>();
        int start = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            GlobToken token = tokens[i];
            if (token.Kind == GlobTokenKind.Class && token.Class!.Contains('/'))
            {
                return CompileIrregular(tokens);
            }

            if (token.IsSeparator)
            {
                segments.Add(new NamePattern(tokens[start..i]));
                start = i + 1;
            }
            else if (token.Kind is GlobTokenKind.Directories or GlobTokenKind.Rest)
            {
                if (i != start)
                {
                    return CompileIrregular(tokens);
                }

                if (segments.Count == 0 || segments[^1] is not null || token.Kind == GlobTokenKind.Rest)
                {
                    segments.Add(null);
                }

                start = i + 1;
            }
        }

        if (tokens[^1].Kind != GlobTokenKind.Rest)
        {
            segments.Add(new NamePattern(tokens[start..]));
        }

        return segments.Count <= MaxDeepSegments || !segments.Contains(null)
            ? new SegmentedPath([.. segments])
            : throw new FormatException($"malformed pattern: it has \"**\" and more than {MaxDeepSegments} segments");
    }

    private static AutomatonPath CompileIrregular(ReadOnlySpan<GlobToken> tokens) =>
        tokens.Length <= MaxIrregularTokens
            ? new AutomatonPath(tokens)
            : throw new FormatException(
                $"malformed pattern: it crosses segments and has more than {MaxIrregularTokens} parts");
}
