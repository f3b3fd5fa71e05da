// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>RUN.</summary>
internal static class RunParser
{
    private static readonly string[] s_networks = ["default", "none", "host"];
    private static readonly string[] s_securityModes = ["sandbox", "insecure"];

    public static RunInstruction Parse(InstructionSyntax syntax, ParserContext context)
    {
        FlagValues flags = FlagValues.Read(
            syntax,
            new FlagSpec("mount", FlagKind.List),
            new FlagSpec("network", FlagKind.Single),
            new FlagSpec("security", FlagKind.Single),
            new FlagSpec("device", FlagKind.List));
        ImmutableArray<Word> mounts = flags.List("mount");
        foreach (Word mount in mounts)
        {
            CheckMount(flags, mount, context.EscapeCharacter);
        }

        ImmutableArray<Word> devices = flags.List("device");
        foreach (Word device in devices)
        {
            CheckDevice(device, context.EscapeCharacter);
        }

        return new RunInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Command = CommandParser.Command(syntax, 0),
            Heredocs = [.. syntax.Heredocs.Select(static body => body.ToHeredoc())],
            Mounts = mounts,
            Network = OneOf(flags.Single("network"), s_networks, "network mode"),
            Security = OneOf(flags.Single("security"), s_securityModes, "security"),
            Devices = devices,
        };
    }

    /// <summary>A value that holds nothing to expand is checked now; the solver checks the others.</summary>
    private static void CheckMount(FlagValues flags, Word mount, char escape)
    {
        if (NeedsExpansion(mount, escape))
        {
            return;
        }

        try
        {
            RunMountParser.Parse(mount.Text);
        }
        catch (MountOptionException exception)
        {
            throw new SyntaxException(exception.Message, flags.PlaceIn(mount, exception.Option));
        }
        catch (FormatException exception)
        {
            throw new SyntaxException(exception.Message, mount.Span);
        }
    }

    private static void CheckDevice(Word device, char escape)
    {
        if (NeedsExpansion(device, escape))
        {
            return;
        }

        try
        {
            RunDevice.Parse(device.Text);
        }
        catch (FormatException exception)
        {
            throw new SyntaxException(exception.Message, device.Span);
        }
    }

    private static bool NeedsExpansion(Word word, char escape) => word.Text.AsSpan().ContainsAny(['$', '\'', '"', escape]);

    private static Word? OneOf(Word? value, string[] allowed, string what) =>
        value is null || allowed.Contains(value.Text) || value.Text.Contains('$', StringComparison.Ordinal)
            ? value
            : throw new SyntaxException(
                $"invalid {what} \"{value.Text}\"",
                value.Span,
                Spelling.Hint(value.Text, allowed) ?? $"use {string.Join(" or ", allowed)}");
}
