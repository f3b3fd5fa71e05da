// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Grammar;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>ARG, ENV and LABEL.</summary>
internal static class VariableParser
{
    public static ArgInstruction ParseArg(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        if (syntax.Arguments.IsEmpty)
        {
            throw syntax.Error("ARG requires at least one argument");
        }

        ImmutableArray<KeyValueWord>.Builder definitions =
            ImmutableArray.CreateBuilder<KeyValueWord>(syntax.Arguments.Length);
        foreach (Token argument in syntax.Arguments)
        {
            KeyValueToken pair = KeyValueGrammar.Split(argument);
            RefuseBlank(syntax, pair.Key, argument);
            definitions.Add(new KeyValueWord(
                syntax.ToWord(pair.Key), pair.Value is { } value ? syntax.ToWord(value) : null));
        }

        return new ArgInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Definitions = definitions.MoveToImmutable(),
        };
    }

    public static EnvInstruction ParseEnv(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Variables = Pairs(syntax),
        IsLegacyForm = syntax.IsLegacyForm,
    };

    public static LabelInstruction ParseLabel(InstructionSyntax syntax) => new()
    {
        Span = syntax.Span,
        Keyword = syntax.Keyword.Text,
        Text = syntax.Text,
        Comments = syntax.Line.Comments,
        Labels = Pairs(syntax),
        IsLegacyForm = syntax.IsLegacyForm,
    };

    private static ImmutableArray<KeyValueWord> Pairs(InstructionSyntax syntax)
    {
        FlagValues.Read(syntax);
        if (syntax.Pairs.IsEmpty)
        {
            throw syntax.Error($"{syntax.Name} requires at least one argument");
        }

        ImmutableArray<KeyValueWord>.Builder words = ImmutableArray.CreateBuilder<KeyValueWord>(syntax.Pairs.Length);
        foreach ((Token key, Token value) in syntax.Pairs)
        {
            RefuseBlank(syntax, key, key with { End = value.End });
            words.Add(new KeyValueWord(syntax.ToWord(key), syntax.ToWord(value)));
        }

        return words.MoveToImmutable();
    }

    private static void RefuseBlank(InstructionSyntax syntax, Token key, Token whole)
    {
        if (key.Text.Length == 0)
        {
            throw syntax.Error($"{syntax.Name} names can not be blank", whole);
        }
    }
}
