// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;

namespace Builder.Frontend.Lint;

/// <summary>Expansion where a failure is the build's to report.</summary>
internal static class ExpanderExtensions
{
    public static string? TryExpand(
        this WordExpander expander, string word, IVariableScope scope, ExpansionTrace? trace = null)
    {
        try
        {
            return expander.Expand(word, scope, trace);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public static string? TryExpandHeredoc(
        this WordExpander expander, string content, IVariableScope scope, ExpansionTrace trace)
    {
        try
        {
            return expander.ExpandHeredoc(content, scope, trace);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>What expanding a word meets.</summary>
    public static ExpansionTrace Trace(this WordExpander expander, string word, IVariableScope scope)
    {
        var trace = new ExpansionTrace();
        expander.TryExpand(word, scope, trace);
        return trace;
    }
}
