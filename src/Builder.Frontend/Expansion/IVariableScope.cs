// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Expansion;

/// <summary>What the variables mean at one point of a stage.</summary>
public interface IVariableScope
{
    /// <summary>The value of a variable, or null when it is not set (an empty value is set).</summary>
    string? Find(string name);
}

/// <summary>What an expansion met, for lint and for cache keys.</summary>
public sealed class ExpansionTrace
{
    /// <summary>Variables that were used although nothing sets them and no default was given.</summary>
    public SortedSet<string> Unmatched { get; } = new(StringComparer.Ordinal);

    /// <summary>All variables that were read.</summary>
    public SortedSet<string> Used { get; } = new(StringComparer.Ordinal);
}
