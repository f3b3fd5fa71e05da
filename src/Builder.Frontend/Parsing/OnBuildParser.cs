// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>ONBUILD.</summary>
internal static class OnBuildParser
{
    public const string ChainingMessage = "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed";

    public static OnBuildInstruction Parse(InstructionSyntax syntax, ParserContext context)
    {
        FlagValues.Read(syntax);
        InstructionSyntax trigger = syntax.Nested ?? throw syntax.Error("ONBUILD requires at least one argument");
        RefuseForbidden(trigger);
        return new OnBuildInstruction
        {
            Span = syntax.Span,
            Keyword = syntax.Keyword.Text,
            Text = syntax.Text,
            Comments = syntax.Line.Comments,
            Trigger = InstructionParser.Parse(trigger, context) with { Comments = [] },
            TriggerText = TriggerText(trigger),
        };
    }

    /// <summary>Refuses what cannot be a trigger.</summary>
    public static void RefuseForbidden(InstructionSyntax trigger)
    {
        if (trigger.Name == InstructionKeyword.OnBuild)
        {
            throw trigger.Error(ChainingMessage, trigger.Keyword);
        }

        if (trigger.Name is InstructionKeyword.From or InstructionKeyword.Maintainer)
        {
            throw trigger.Error($"{trigger.Name} isn't allowed as an ONBUILD trigger", trigger.Keyword);
        }
    }

    private static string TriggerText(InstructionSyntax trigger)
    {
        // Blanks at the end stay, as docker records them.
        var text = new StringBuilder(trigger.Line.Text, trigger.Keyword.Start, trigger.Line.Text.Length - trigger.Keyword.Start, 0);
        foreach (HeredocBody body in trigger.Heredocs)
        {
            text.Append('\n').Append(body.RawContent).Append(body.Marker.Name);
        }

        return text.ToString();
    }
}
