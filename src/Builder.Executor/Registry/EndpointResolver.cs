// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>From an image's name to the places that are asked for it.</summary>
internal sealed class EndpointResolver
{
    private readonly RegistryOptions _options;
    private readonly Lazy<RegistryRules> _rules;

    public EndpointResolver(RegistryOptions options)
    {
        _options = options;
        _rules = new Lazy<RegistryRules>(() => RegistryRules.Load(options));
    }

    /// <summary>The mirrors in their order, then the registry itself.</summary>
    /// <exception cref="RegistryException">The registry is blocked.</exception>
    public ImmutableArray<RegistryEndpoint> ForPull(ImageReference image)
    {
        string name = $"{image.Registry}/{image.Repository}";
        RegistryRule? rule = _rules.Value.Find(name);
        if (rule is null)
        {
            return [Endpoint(name, false)];
        }

        RefuseBlocked(name, rule);
        string rest = name[rule.Match(name)..];
        ImmutableArray<RegistryEndpoint>.Builder endpoints = ImmutableArray.CreateBuilder<RegistryEndpoint>();
        foreach (RegistryMirror mirror in rule.Mirrors)
        {
            if (mirror.Use is MirrorUse.All || (mirror.Use is MirrorUse.DigestOnly) == image.Digest.HasValue)
            {
                endpoints.Add(Endpoint(mirror.Location + rest, mirror.IsInsecure) with { IsMirror = true });
            }
        }

        endpoints.Add(Primary(name, rule));
        return endpoints.ToImmutable();
    }

    /// <summary>The registry itself: nothing is ever pushed to a mirror.</summary>
    /// <exception cref="RegistryException">The registry is blocked.</exception>
    public RegistryEndpoint ForPush(ImageReference image)
    {
        string name = $"{image.Registry}/{image.Repository}";
        RegistryRule? rule = _rules.Value.Find(name);
        if (rule is null)
        {
            return Endpoint(name, false);
        }

        RefuseBlocked(name, rule);
        return Primary(name, rule);
    }

    /// <summary>A registry by its name alone, for <c>login</c>.</summary>
    public RegistryEndpoint ForRegistry(string registry)
    {
        RegistryRule? rule = _rules.Value.Find(registry);
        return new RegistryEndpoint
        {
            Registry = registry,
            Repository = "",
            IsInsecure = IsInsecure(registry, rule?.IsInsecure ?? false),
        };
    }

    private static void RefuseBlocked(string name, RegistryRule rule)
    {
        if (rule.IsBlocked)
        {
            throw new RegistryException(RegistryFailure.Blocked, $"reach \"{name}\": blocked by \"{rule.Origin}\"")
            {
                Hint = $"take another image, or the entry for {rule.Prefix} out of that file",
            };
        }
    }

    private RegistryEndpoint Primary(string name, RegistryRule rule) =>
        rule.Prefix.StartsWith("*.", StringComparison.Ordinal) && rule.Location == rule.Prefix
            ? Endpoint(name, rule.IsInsecure)
            : Endpoint(rule.Location + name[rule.Match(name)..], rule.IsInsecure);

    private RegistryEndpoint Endpoint(string name, bool insecure)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string registry = slash < 0 ? name : name[..slash];
        return new RegistryEndpoint
        {
            Registry = registry,
            Repository = slash < 0 ? "" : name[(slash + 1)..],
            IsInsecure = IsInsecure(registry, insecure),
        };
    }

    private bool IsInsecure(string registry, bool configured) =>
        _options.TlsVerify is { } verify
            ? !verify
            : configured
                || _options.InsecureRegistries.Contains(registry, StringComparer.OrdinalIgnoreCase)
                || RegistryEndpoint.IsLoopback(registry);
}
