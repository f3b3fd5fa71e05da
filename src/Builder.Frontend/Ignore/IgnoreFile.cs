// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Ignore;

/// <summary>One line of an ignore file: what it says and where.</summary>
/// <param name="Pattern">Cleaned, without the '!' and without a leading '/'.</param>
/// <param name="IsNegated">True when the line began with '!'.</param>
/// <param name="Line">Counted from 1.</param>
internal readonly record struct IgnoreLine(string Pattern, bool IsNegated, int Line);

/// <summary>
/// Reads .dockerignore files as moby/patternmatcher does: '#' begins a comment only in the first column, '!' may be
/// followed by blanks, every pattern is cleaned as a path and loses its leading '/'.
/// </summary>
internal static class IgnoreFile
{
    private const int MaxLineChars = 65_535;

    public static ImmutableArray<IgnoreLine> Read(SourceText source)
    {
        var lines = ImmutableArray.CreateBuilder<IgnoreLine>();
        var errors = ImmutableArray.CreateBuilder<Diagnostic>();
        ReadOnlySpan<char> text = source.Text.AsSpan().TrimStart('\uFEFF');
        int number = 0;
        foreach (Range range in text.Split('\n'))
        {
            number++;
            ReadOnlySpan<char> line = text[range];
            if (line.Length > MaxLineChars)
            {
                errors.Add(Error(number, $"ignore pattern: line is longer than {MaxLineChars} characters"));
            }
            else if (!line.StartsWith('#') && !line.IsWhiteSpace())
            {
                IgnoreLine parsed = ParseLine(line.Trim().ToString(), number);
                if (parsed.Pattern.Length == 0)
                {
                    errors.Add(Error(number, "ignore pattern \"!\": no pattern follows the '!'"));
                }

                lines.Add(parsed);
            }
        }

        return errors.Count == 0
            ? lines.DrainToImmutable()
            : throw new DockerfileException(source, errors.DrainToImmutable());
    }

    /// <summary>Reads one pattern; an empty one comes back for a lone '!'.</summary>
    public static IgnoreLine ParseLine(string trimmed, int number)
    {
        bool isNegated = trimmed.StartsWith('!');
        string pattern = isNegated ? trimmed[1..].Trim() : trimmed;
        if (pattern.Length == 0)
        {
            return new IgnoreLine("", isNegated, number);
        }

        pattern = LexicalPath.Clean(pattern);
        return new IgnoreLine(pattern.Length > 1 && pattern[0] == '/' ? pattern[1..] : pattern, isNegated, number);
    }

    public static Diagnostic Error(int line, string message) => new()
    {
        Severity = DiagnosticSeverity.Error,
        Code = "ParseError",
        Message = message,
        Span = SourceSpan.Lines(line, line),
    };
}
