// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Registry;

/// <summary>
/// What a request needs to be permitted, one <c>repository:NAME:ACTIONS</c> a repository, sorted: equal needs are equal
/// keys of the token cache. Source: distribution, token scope documentation.
/// </summary>
internal sealed record AuthScope
{
    private AuthScope(ImmutableArray<string> scopes)
    {
        Scopes = scopes;
        Key = string.Join(' ', scopes);
    }

    /// <summary>No repository: the check of <c>/v2/</c> by login.</summary>
    public static AuthScope None { get; } = new([]);

    public ImmutableArray<string> Scopes { get; }

    /// <summary>The scopes with a space between them.</summary>
    public string Key { get; }

    public static AuthScope Pull(string repository) => new([$"repository:{repository}:pull"]);

    public static AuthScope Push(string repository) => new([$"repository:{repository}:pull,push"]);

    public static AuthScope Delete(string repository) => new([$"repository:{repository}:delete,pull"]);

    /// <summary>Push to one repository and pull from another, which a mount needs both.</summary>
    public static AuthScope Mount(string repository, string from) =>
        new(new[] { $"repository:{repository}:pull,push", $"repository:{from}:pull" }
            .Order(StringComparer.Ordinal).ToImmutableArray());

    /// <summary>These scopes and those that a challenge asked for.</summary>
    public AuthScope With(string? challenged)
    {
        if (string.IsNullOrWhiteSpace(challenged))
        {
            return this;
        }

        ImmutableArray<string> more = [.. challenged.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(s => !Covers(s))];
        return more.IsEmpty ? this : new AuthScope([.. Scopes.Concat(more).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);
    }

    public bool Equals(AuthScope? other) => other is not null && Key == other.Key;

    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Key;

    /// <summary>True when the wanted actions are among those of the same resource here.</summary>
    private bool Covers(string scope)
    {
        int colon = scope.LastIndexOf(':');
        if (colon < 0)
        {
            return false;
        }

        string resource = scope[..(colon + 1)];
        string[] actions = scope[(colon + 1)..].Split(',');
        return Scopes.Any(own => own.StartsWith(resource, StringComparison.Ordinal)
            && actions.All(own[resource.Length..].Split(',').Contains));
    }
}
