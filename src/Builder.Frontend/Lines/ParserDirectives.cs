// SPDX-License-Identifier: Apache-2.0

using System.Text;
using System.Text.Json;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lines;

/// <summary>
/// The directives <c># syntax=</c>, <c># escape=</c> and <c># check=</c> at the top of the text. The first line that is
/// none of them, even a blank one, ends them. Source: Dockerfile reference, "Parser directives".
/// </summary>
internal sealed class ParserDirectives
{
    private static readonly string[] s_ownFrontends = ["docker/dockerfile", "docker/dockerfile-upstream"];

    private readonly ParserContext _context;
    private bool _escapeSeen;

    public ParserDirectives(ParserContext context)
    {
        _context = context;
    }

    /// <summary>The first word of <c>syntax</c>; null without one.</summary>
    public string? Syntax { get; private set; }

    /// <summary>The value of <c>check</c>; null without one.</summary>
    public string? Check { get; private set; }

    /// <summary>True once a line was met that is no directive.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Ends the directives: what follows is comments and instructions.</summary>
    public void End() => HasEnded = true;

    /// <summary>Takes a comment line (with its '#', trimmed on the left); true when it was a directive.</summary>
    /// <exception cref="SyntaxException">A directive stands twice or has an impossible value.</exception>
    public bool TryTake(ReadOnlySpan<char> comment, PhysicalLine line)
    {
        if (HasEnded)
        {
            return false;
        }

        if (line.Number == 1 && comment.StartsWith("#!"))
        {
            return true; // a shebang: directives may follow
        }

        if (!TrySplit(comment[1..], out string name, out string value) || !TrySet(name, value, line))
        {
            HasEnded = true;
            return false;
        }

        return true;
    }

    /// <summary>
    /// The frontend that a text names in another way: <c>//syntax=X</c> or a JSON object with a member "syntax". Such a
    /// text is no Dockerfile, and the name makes a better message.
    /// </summary>
    public static string? ForeignSyntax(string text)
    {
        ReadOnlySpan<char> rest = text.AsSpan().TrimStart('\uFEFF');
        if (rest.StartsWith("#!"))
        {
            int lineFeed = rest.IndexOf('\n');
            rest = lineFeed < 0 ? default : rest[(lineFeed + 1)..];
        }

        foreach (ReadOnlySpan<char> line in rest.EnumerateLines())
        {
            if (!line.StartsWith("//") || !TrySplit(line[2..], out string name, out string value))
            {
                break;
            }

            if (name == "syntax")
            {
                return FirstWord(value);
            }
        }

        return rest.TrimStart().StartsWith('{') ? SyntaxOfJson(rest) : null;
    }

    private static string? SyntaxOfJson(ReadOnlySpan<char> text)
    {
        try
        {
            byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
            Encoding.UTF8.GetBytes(text, bytes);
            using JsonDocument document = JsonDocument.Parse(bytes);
            return document.RootElement.TryGetProperty("syntax", out JsonElement syntax)
                && syntax.ValueKind == JsonValueKind.String
                    ? syntax.GetString()
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool TrySplit(ReadOnlySpan<char> text, out string name, out string value)
    {
        name = "";
        value = "";
        int equals = text.IndexOf('=');
        if (equals < 0)
        {
            return false;
        }

        ReadOnlySpan<char> key = text[..equals].Trim();
        ReadOnlySpan<char> rest = text[(equals + 1)..].Trim();
        if (key.IsEmpty || rest.IsEmpty || !char.IsAsciiLetter(key[0]))
        {
            return false;
        }

        foreach (char c in key)
        {
            if (!char.IsAsciiLetterOrDigit(c))
            {
                return false;
            }
        }

        name = key.ToString().ToLowerInvariant();
        value = rest.ToString();
        return true;
    }

    private static string FirstWord(string value)
    {
        int end = 0;
        while (end < value.Length && !char.IsWhiteSpace(value[end]))
        {
            end++;
        }

        return value[..end];
    }

    private bool TrySet(string name, string value, PhysicalLine line)
    {
        switch (name)
        {
            case "syntax":
                RefuseSecond(Syntax is not null, name, line);
                Syntax = FirstWord(value);
                WarnAboutForeign(Syntax, line);
                return true;
            case "check":
                RefuseSecond(Check is not null, name, line);
                Check = value;
                return true;
            case "escape":
                RefuseSecond(_escapeSeen, name, line);
                _escapeSeen = true;
                _context.EscapeCharacter = value is "\\" or "`"
                    ? value[0]
                    : throw new SyntaxException(
                        $"invalid escape token '{value}' does not match ` or \\",
                        SourceSpan.Lines(line.Number, line.Number));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Docker's own frontends stand for the language that is parsed here; others may mean any language.</summary>
    private void WarnAboutForeign(string syntax, PhysicalLine line)
    {
        bool isOwn = ImageReference.TryParse(syntax, out ImageReference? reference)
            && s_ownFrontends.Contains(reference.Repository);
        if (!isOwn)
        {
            _context.Warn(
                "SyntaxIgnored",
                $"the frontend image \"{syntax}\" is not run: the text is read as a Dockerfile",
                SourceSpan.Lines(line.Number, line.Number),
                "name docker/dockerfile, or remove the directive");
        }
    }

    private static void RefuseSecond(bool seen, string name, PhysicalLine line)
    {
        if (seen)
        {
            throw new SyntaxException(
                $"only one {name} parser directive can be used",
                SourceSpan.Lines(line.Number, line.Number));
        }
    }
}
