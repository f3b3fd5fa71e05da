// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>FROM.</summary>
internal static class FromParser
{
    private const int ImageOnly = 1;
    private const int ImageAsName = 3;

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.");

    public static FromInstruction Parse(InstructionSyntax syntax)
    {
        FlagValues flags = FlagValues.Read(syntax, new FlagSpec("platform", FlagKind.Single));
        if (syntax.Arguments.Length is not (ImageOnly or ImageAsName)
            || (syntax.Arguments.Length == ImageAsName && !IsAs(syntax.Arguments[1])))
        {
            throw syntax.Error(
                "FROM requires either one or three arguments",
                "write FROM IMAGE or FROM IMAGE AS NAME; a comment needs a line of its own");
        }

        return new FromInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Image = syntax.ToWord(syntax.Arguments[0]),
            Platform = flags.Single("platform"),
            StageName = syntax.Arguments.Length == ImageAsName ? Name(syntax, syntax.Arguments[2]) : null,
        };
    }

    private static bool IsAs(Token word) => word.Text.Equals("as", StringComparison.OrdinalIgnoreCase);

    private static Word Name(InstructionSyntax syntax, Token word)
    {
        string name = word.Text.ToLowerInvariant();
        return char.IsAsciiLetterLower(name[0]) && !name.AsSpan().ContainsAnyExcept(s_nameCharacters)
            ? syntax.ToWord(word)
            : throw syntax.Error(
                $"invalid name for build stage: \"{word.Text}\", name can't start with a number or contain symbols",
                word);
    }
}
