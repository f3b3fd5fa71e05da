// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>COPY and ADD.</summary>
internal static class TransferParser
{
    public static CopyInstruction ParseCopy(InstructionSyntax syntax)
    {
        FlagValues flags = FlagValues.Read(
            syntax,
            new FlagSpec("from", FlagKind.Single),
            new FlagSpec("chown", FlagKind.Single),
            new FlagSpec("chmod", FlagKind.Single),
            new FlagSpec("link", FlagKind.Boolean),
            new FlagSpec("parents", FlagKind.Boolean),
            new FlagSpec("exclude", FlagKind.List));
        Words words = Split(syntax);
        return new CopyInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Sources = words.Sources,
            Heredocs = words.Heredocs,
            Destination = words.Destination,
            From = flags.Single("from"),
            Chown = flags.Single("chown"),
            Chmod = flags.Single("chmod"),
            Link = flags.Boolean("link") ?? false,
            Parents = flags.Boolean("parents") ?? false,
            Exclude = flags.List("exclude"),
        };
    }

    public static AddInstruction ParseAdd(InstructionSyntax syntax)
    {
        FlagValues flags = FlagValues.Read(
            syntax,
            new FlagSpec("chown", FlagKind.Single),
            new FlagSpec("chmod", FlagKind.Single),
            new FlagSpec("link", FlagKind.Boolean),
            new FlagSpec("keep-git-dir", FlagKind.Boolean),
            new FlagSpec("checksum", FlagKind.Single),
            new FlagSpec("unpack", FlagKind.Boolean),
            new FlagSpec("exclude", FlagKind.List));
        Words words = Split(syntax);
        return new AddInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Sources = words.Sources,
            Heredocs = words.Heredocs,
            Destination = words.Destination,
            Chown = flags.Single("chown"),
            Chmod = flags.Single("chmod"),
            Link = flags.Boolean("link") ?? false,
            Exclude = flags.List("exclude"),
            Checksum = flags.Single("checksum"),
            KeepGitDir = flags.Boolean("keep-git-dir"),
            Unpack = flags.Boolean("unpack"),
        };
    }

    private sealed record Words(ImmutableArray<Word> Sources, ImmutableArray<Heredoc> Heredocs, Word Destination);

    private static Words Split(InstructionSyntax syntax)
    {
        if (syntax.Arguments.Length < 2)
        {
            throw syntax.Error(
                $"{syntax.Name} requires at least two arguments, but only one was provided. "
                + "Destination could not be determined");
        }

        Token destination = syntax.Arguments[^1];
        if (!syntax.IsJson && HeredocMarker.TryParse(destination) is not null)
        {
            throw syntax.Error($"{syntax.Name} cannot accept a heredoc as a destination", destination);
        }

        ImmutableArray<Word>.Builder sources = ImmutableArray.CreateBuilder<Word>();
        ImmutableArray<Heredoc>.Builder heredocs = ImmutableArray.CreateBuilder<Heredoc>(syntax.Heredocs.Length);
        int next = 0;
        foreach (Token source in syntax.Arguments[..^1])
        {
            HeredocBody? body = next < syntax.Heredocs.Length && syntax.Heredocs[next].Marker.Word.Start == source.Start
                ? syntax.Heredocs[next++]
                : null;
            if (body is null)
            {
                RefuseHidden(syntax, source);
                sources.Add(syntax.ToWord(source));
            }
            else if (body.Marker.Word.End != source.End)
            {
                // The marker holds blanks; a shell would understand that, a list of words does not.
                throw syntax.Error(
                    $"{syntax.Name} cannot accept a heredoc with blanks in its word", body.Marker.Word, "write <<EOF");
            }
            else
            {
                heredocs.Add(body.ToHeredoc());
            }
        }

        if (next < syntax.Heredocs.Length)
        {
            HeredocMarker unused = syntax.Heredocs[next].Marker;
            throw syntax.Error($"{syntax.Name} cannot accept the heredoc \"{unused.Name}\" here", unused.Word);
        }

        return new Words(sources.ToImmutable(), heredocs.ToImmutable(), syntax.ToWord(destination));
    }

    /// <summary>A word that would open a here-document, had not a quote or another operator before it taken it in.</summary>
    private static void RefuseHidden(InstructionSyntax syntax, Token source)
    {
        if (!syntax.IsJson && HeredocMarker.BeginsLikeOne(source.Text))
        {
            throw syntax.Error(
                $"{syntax.Name} cannot read the heredoc {source.Text}: a quote or << before it hides it", source);
        }
    }
}
