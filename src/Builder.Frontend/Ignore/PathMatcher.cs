// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>A compiled pattern for whole paths, in the cheapest form that gives its meaning.</summary>
internal abstract class PathMatcher
{
    public abstract bool IsMatch(ReadOnlySpan<char> path);

    /// <summary>False only when nothing below this directory (not "") can match.</summary>
    public abstract bool MayMatchBelow(ReadOnlySpan<char> directory);

    /// <summary>True when <paramref name="text"/> begins with the directory and a '/'.</summary>
    protected static bool IsBelow(ReadOnlySpan<char> text, ReadOnlySpan<char> directory) =>
        text.Length > directory.Length && text[directory.Length] == '/' && text.StartsWith(directory);
}

/// <summary>A path without wildcards.</summary>
internal sealed class LiteralPath(string text) : PathMatcher
{
    public override bool IsMatch(ReadOnlySpan<char> path) => path.SequenceEqual(text);

    public override bool MayMatchBelow(ReadOnlySpan<char> directory) => IsBelow(text, directory);
}

/// <summary><c>text**</c>: everything that begins so, in the middle of a name too.</summary>
internal sealed class PrefixPath(string prefix) : PathMatcher
{
    public override bool IsMatch(ReadOnlySpan<char> path) => path.StartsWith(prefix);

    public override bool MayMatchBelow(ReadOnlySpan<char> directory) =>
        directory.StartsWith(prefix) || IsBelow(prefix, directory);
}

/// <summary><c>**text</c>: everything that ends so, in the middle of a name too; <c>**/text</c> also at the top.</summary>
internal sealed class SuffixPath(string suffix) : PathMatcher
{
    public override bool IsMatch(ReadOnlySpan<char> path) =>
        path.EndsWith(suffix) || (suffix.StartsWith('/') && path.SequenceEqual(suffix.AsSpan(1)));

    public override bool MayMatchBelow(ReadOnlySpan<char> directory) => true;
}
