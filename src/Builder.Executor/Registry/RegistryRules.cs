// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Tomlyn;

namespace Builder.Executor.Registry;

/// <summary>When a mirror is asked.</summary>
internal enum MirrorUse
{
    All,
    DigestOnly,
    TagOnly,
}

/// <summary>A place that has copies.</summary>
/// <param name="Location">HOST[:PORT][/PATH].</param>
/// <param name="IsInsecure">Certificates do not matter and plain http will do.</param>
/// <param name="Use">For which references.</param>
internal sealed record RegistryMirror(string Location, bool IsInsecure, MirrorUse Use);

/// <summary>What registries.conf or the command line say about the references that begin with a prefix.</summary>
internal sealed record RegistryRule
{
    /// <summary>HOST[:PORT][/PATH], or *.DOMAIN.</summary>
    public required string Prefix { get; init; }

    /// <summary>What takes the prefix's place; the prefix itself when nothing does.</summary>
    public required string Location { get; init; }

    public bool IsInsecure { get; init; }

    public bool IsBlocked { get; init; }

    public ImmutableArray<RegistryMirror> Mirrors { get; init; } = [];

    /// <summary>Where the rule stands, for messages.</summary>
    public required string Origin { get; init; }

    /// <summary>How many characters of a name REGISTRY/REPOSITORY the prefix covers; 0 when it is about another one.</summary>
    public int Match(string name)
    {
        if (Prefix.StartsWith("*.", StringComparison.Ordinal))
        {
            int hostEnd = name.IndexOf('/', StringComparison.Ordinal);
            ReadOnlySpan<char> host = hostEnd < 0 ? name : name.AsSpan(0, hostEnd);
            return host.EndsWith(Prefix.AsSpan(1), StringComparison.OrdinalIgnoreCase) ? host.Length : 0;
        }

        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && (name.Length == Prefix.Length || name[Prefix.Length] == '/')
            ? Prefix.Length
            : 0;
    }
}

/// <summary>The rules of registries.conf, its drop-in files and the command line.</summary>
internal sealed class RegistryRules
{
    private const string SystemFile = "/etc/containers/registries.conf";

    private readonly ImmutableArray<RegistryRule> _rules;

    private RegistryRules(ImmutableArray<RegistryRule> rules)
    {
        _rules = rules;
    }

    /// <summary>Reads the files that the options and the environment name.</summary>
    /// <exception cref="RegistryException">A file is not valid.</exception>
    public static RegistryRules Load(RegistryOptions options)
    {
        Dictionary<string, RegistryRule> rules = new(StringComparer.Ordinal);
        foreach (string path in Files(options))
        {
            foreach (RegistryRule rule in Parse(path, Read(path)))
            {
                rules[rule.Prefix] = rule;
            }
        }

        foreach (string mirror in options.Mirrors)
        {
            AddMirror(rules, mirror);
        }

        return new RegistryRules([.. rules.Values]);
    }

    /// <summary>The rule of the longest prefix of REGISTRY/REPOSITORY, or null.</summary>
    public RegistryRule? Find(string name)
    {
        RegistryRule? best = null;
        int longest = 0;
        foreach (RegistryRule rule in _rules)
        {
            int length = rule.Match(name);
            if (length > longest)
            {
                (best, longest) = (rule, length);
            }
        }

        return best;
    }

    /// <summary>Parses one file.</summary>
    internal static ImmutableArray<RegistryRule> Parse(string path, string text)
    {
        RegistriesDocument document;
        try
        {
            document = TomlSerializer.Deserialize(text, RegistriesToml.Default.RegistriesDocument) ?? new RegistriesDocument();
        }
        catch (TomlException e)
        {
            throw Invalid(path, e.Message, e);
        }

        if (document.VersionOne is { Count: > 0 })
        {
            throw Invalid(path, "[registries.*] tables are of version 1; write [[registry]] entries", null);
        }

        return [.. (document.Registries ?? []).Select(table => ToRule(path, table))];
    }

    private static RegistryRule ToRule(string path, RegistryTable table)
    {
        string? location = string.IsNullOrEmpty(table.Location) ? null : table.Location.TrimEnd('/');
        string? prefix = string.IsNullOrEmpty(table.Prefix) ? location : table.Prefix.TrimEnd('/');
        if (prefix is null)
        {
            throw Invalid(path, "a [[registry]] has neither prefix nor location", null);
        }

        CheckLocation(path, location ?? prefix.TrimStart('*', '.'));
        return new RegistryRule
        {
            Prefix = prefix,
            Location = location ?? prefix,
            IsInsecure = table.Insecure,
            IsBlocked = table.Blocked,
            Mirrors = [.. (table.Mirrors ?? []).Select(mirror => ToMirror(path, table, mirror))],
            Origin = path,
        };
    }

    private static RegistryMirror ToMirror(string path, RegistryTable table, MirrorTable mirror)
    {
        string location = mirror.Location?.TrimEnd('/') ?? "";
        CheckLocation(path, location);
        MirrorUse use = mirror.PullFromMirror switch
        {
            null or "" => table.MirrorByDigestOnly ? MirrorUse.DigestOnly : MirrorUse.All,
            "all" => MirrorUse.All,
            "digest-only" => MirrorUse.DigestOnly,
            "tag-only" => MirrorUse.TagOnly,
            _ => throw Invalid(path, $"pull-from-mirror \"{mirror.PullFromMirror}\" is not all, digest-only or tag-only", null),
        };
        return new RegistryMirror(location, mirror.Insecure, use);
    }

    private static void CheckLocation(string path, string location)
    {
        if (location.Length == 0 || location.StartsWith('/') || location.Contains("://", StringComparison.Ordinal)
            || location.Any(char.IsWhiteSpace))
        {
            throw Invalid(path, $"\"{location}\" is not HOST[:PORT][/PATH]", null);
        }
    }

    /// <summary>Adds NAME=HOST[:PORT][/PATH] before the mirrors that a file gave that name.</summary>
    private static void AddMirror(Dictionary<string, RegistryRule> rules, string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? RegistryEndpoint.DockerHub : text[..equals].TrimEnd('/');
        string location = (equals < 0 ? text : text[(equals + 1)..]).TrimEnd('/');
        bool insecure = location.StartsWith("http://", StringComparison.OrdinalIgnoreCase);
        int scheme = location.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0 && (insecure || location.StartsWith("https://", StringComparison.OrdinalIgnoreCase)))
        {
            location = location[(scheme + 3)..];
        }

        if (name.Length == 0 || location.Length == 0 || location.Contains("://", StringComparison.Ordinal))
        {
            throw new RegistryException(
                RegistryFailure.Configuration, $"--registry-mirror \"{text}\": expected NAME=HOST[:PORT][/PATH]");
        }

        RegistryRule rule = rules.GetValueOrDefault(name)
            ?? new RegistryRule { Prefix = name, Location = name, Origin = "--registry-mirror" };
        rules[name] = rule with
        {
            Mirrors = [.. rule.Mirrors.Where(m => m.Location != location), new RegistryMirror(location, insecure, MirrorUse.All)],
        };
    }

    private static List<string> Files(RegistryOptions options)
    {
        if (options.RegistriesFile is { } given)
        {
            return given.Length == 0 ? [] : [given];
        }

        if (options.Variable("CONTAINERS_REGISTRIES_CONF") is { } variable)
        {
            return [variable];
        }

        string? home = options.Variable("HOME");
        string? user = home is null ? null : Path.Combine(home, ".config", "containers", "registries.conf");
        string main = user is not null && File.Exists(user) ? user : SystemFile;
        List<string> files = File.Exists(main) ? [main] : [];
        foreach (string? directory in (string?[])[SystemFile + ".d", user is null ? null : user + ".d"])
        {
            if (directory is not null && Directory.Exists(directory))
            {
                files.AddRange(Directory.GetFiles(directory, "*.conf").Order(StringComparer.Ordinal));
            }
        }

        return files;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Invalid(path, e.Message, e);
        }
    }

    private static RegistryException Invalid(string path, string cause, Exception? inner) =>
        new(RegistryFailure.Configuration, $"read registries from \"{path}\": {cause}", inner);
}
