// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lint;

/// <summary>
/// What a rule is called and why it exists. Names and texts are those of BuildKit's build checks, so that skip lists and
/// tools work with both; what the parser notices besides has a rule of bld's own.
/// Source: https://docs.docker.com/reference/build-checks/.
/// </summary>
public sealed record LintRule
{
    /// <summary>For instance "StageNameCasing".</summary>
    public required string Name { get; init; }

    /// <summary>The rule in one sentence.</summary>
    public required string Description { get; init; }

    /// <summary>What to do about a finding.</summary>
    public required string Advice { get; init; }

    /// <summary>The page that explains the rule; null for a rule of bld's own.</summary>
    public string? Url { get; init; }

    /// <summary>True when it only runs after <c>check=experimental=</c> named it.</summary>
    public bool IsExperimental { get; init; }

    /// <summary>All rules.</summary>
    public static ImmutableArray<LintRule> All => LintRules.All;

    /// <summary>The rule of this name, or null.</summary>
    public static LintRule? Find(string name) => LintRules.All.FirstOrDefault(rule => rule.Name == name);
}
