// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>HEALTHCHECK.</summary>
internal static class HealthcheckParser
{
    private const string MinimumText = "1ms";

    private static readonly TimeSpan s_minimum = TimeSpan.FromMilliseconds(1);

    public static HealthcheckInstruction Parse(InstructionSyntax syntax, ParserContext context)
    {
        FlagValues flags = FlagValues.Read(
            syntax,
            new FlagSpec("interval", FlagKind.Single),
            new FlagSpec("timeout", FlagKind.Single),
            new FlagSpec("start-period", FlagKind.Single),
            new FlagSpec("start-interval", FlagKind.Single),
            new FlagSpec("retries", FlagKind.Single));
        if (syntax.Arguments.IsEmpty)
        {
            throw syntax.Error("HEALTHCHECK requires at least one argument");
        }

        Token type = syntax.Arguments[0];
        return type.Text.ToUpperInvariant() switch
        {
            "NONE" => None(syntax, context),
            "CMD" => new HealthcheckInstruction
            {
                Span = syntax.Span,
                Keyword = syntax.Keyword.Text,
                Text = syntax.Text,
                Comments = syntax.Line.Comments,
                Command = Probe(syntax),
                Interval = Duration(flags, "interval"),
                Timeout = Duration(flags, "timeout"),
                StartPeriod = Duration(flags, "start-period"),
                StartInterval = Duration(flags, "start-interval"),
                Retries = Retries(flags.Single("retries")),
            },
            _ => throw syntax.Error(
                $"unknown type \"{type.Text}\" in HEALTHCHECK (try CMD)", type, Spelling.Hint(type.Text, ["CMD", "NONE"], true)),
        };
    }

    private static HealthcheckInstruction None(InstructionSyntax syntax, ParserContext context)
    {
        if (syntax.Arguments.Length > 1)
        {
            throw syntax.Error("HEALTHCHECK NONE takes no arguments", syntax.Arguments[1]);
        }

        if (!syntax.Flags.IsEmpty)
        {
            context.Warn(
                "UnusedFlag", "HEALTHCHECK NONE has no use for flags", syntax.SpanOf(syntax.Flags[0]), "remove them");
        }

        return new HealthcheckInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
        };
    }

    private static CommandForm Probe(InstructionSyntax syntax) =>
        syntax.Arguments.Length == 1
            ? throw syntax.Error("missing command after HEALTHCHECK CMD")
            : CommandParser.Command(syntax, 1);

    private static TimeSpan? Duration(FlagValues flags, string name)
    {
        Word? value = flags.Single(name);
        if (value is null || value.Text.Length == 0)
        {
            return null;
        }

        if (!GoDuration.TryParse(value.Text, out TimeSpan duration))
        {
            throw new SyntaxException(
                $"invalid duration \"{value.Text}\" for --{name}", value.Span, "write a number and a unit, such as 30s or 1m30s");
        }

        return duration == TimeSpan.Zero || duration >= s_minimum
            ? duration
            : throw new SyntaxException($"interval \"{name}\" cannot be less than {MinimumText}", value.Span);
    }

    private static int? Retries(Word? value)
    {
        if (value is null || value.Text.Length == 0)
        {
            return null;
        }

        if (!int.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int retries))
        {
            throw new SyntaxException($"invalid number \"{value.Text}\" for --retries", value.Span);
        }

        return retries >= 0
            ? retries
            : throw new SyntaxException($"--retries cannot be negative ({retries})", value.Span);
    }
}
