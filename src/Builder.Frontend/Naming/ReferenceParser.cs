// SPDX-License-Identifier: Apache-2.0

using System.Buffers;

namespace Builder.Frontend.Naming;

/// <summary>Parses image references. Source: github.com/distribution/reference, regexp.go and normalize.go.</summary>
internal static class ReferenceParser
{
    private const int MaxNameLength = 255;
    private const int MaxTagLength = 128;
    private const int IdLength = 64;
    private const string OfficialPrefix = "library/";

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdef");

    private static readonly SearchValues<char> s_tagCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    private static readonly SearchValues<char> s_addressCharacters = SearchValues.Create("0123456789abcdefABCDEF:");

    /// <summary>Parses a reference.</summary>
    /// <exception cref="FormatException">Not a reference; the message says why.</exception>
    public static ImageReference Parse(string text) =>
        TryParse(text, out string cause) ?? throw new FormatException($"\"{text}\": invalid reference format: {cause}");

    /// <summary>Parses a reference; null, and why, when it is malformed.</summary>
    public static ImageReference? TryParse(string text, out string cause)
    {
        cause = "";
        if (text.Length == 0)
        {
            cause = "it is empty";
            return null;
        }

        string rest = text;
        Digest? digest = null;
        int at = rest.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            if (!Digest.TryParse(rest[(at + 1)..], out Digest parsed))
            {
                cause = $"\"{rest[(at + 1)..]}\" is not a digest (sha256: and 64 lower-case hex digits)";
                return null;
            }

            digest = parsed;
            rest = rest[..at];
        }

        string? tag = null;
        int colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/') && colon > rest.LastIndexOf(']'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!IsTag(tag))
            {
                cause = $"\"{tag}\" is not a tag";
                return null;
            }
        }

        (string registry, string repository) = SplitRegistry(rest);
        cause = ComplainAbout(registry, repository);
        return cause.Length > 0
            ? null
            : new ImageReference
            {
                Registry = registry,
                Repository = repository,
                Tag = tag ?? (digest is null ? ImageReference.DefaultTag : null),
                Digest = digest,
            };
    }

    private static (string Registry, string Repository) SplitRegistry(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string first = slash < 0 ? "" : name[..slash];
        bool isHost = first.AsSpan().ContainsAny('.', ':') || first == "localhost" || first.Any(char.IsAsciiLetterUpper);
        string registry = isHost ? first : ImageReference.DefaultRegistry;
        string repository = isHost ? name[(slash + 1)..] : name;
        if (registry == "index.docker.io")
        {
            registry = ImageReference.DefaultRegistry;
        }

        return registry == ImageReference.DefaultRegistry && !repository.Contains('/', StringComparison.Ordinal)
            ? (registry, OfficialPrefix + repository)
            : (registry, repository);
    }

    private static string ComplainAbout(string registry, string repository)
    {
        if (!IsRegistry(registry))
        {
            return $"\"{registry}\" is not a registry";
        }

        if (registry.Length + 1 + repository.Length > MaxNameLength)
        {
            return $"repository name must not be more than {MaxNameLength} characters";
        }

        if (repository.Any(char.IsAsciiLetterUpper))
        {
            return $"repository name ({repository}) must be lowercase";
        }

        string[] components = repository.Split('/');
        string last = components[^1];
        if (registry == ImageReference.DefaultRegistry && repository.StartsWith(OfficialPrefix, StringComparison.Ordinal)
            && last.Length == IdLength && !last.AsSpan().ContainsAnyExcept(s_hex))
        {
            return "a name cannot be 64 hexadecimal digits";
        }

        foreach (string component in components)
        {
            if (!IsPathComponent(component))
            {
                return $"\"{component}\" is not a part of a repository name";
            }
        }

        return "";
    }

    private static bool IsTag(string tag) =>
        tag.Length is > 0 and <= MaxTagLength
        && tag[0] is not ('.' or '-')
        && !tag.AsSpan().ContainsAnyExcept(s_tagCharacters);

    /// <summary>Host names, IPv6 addresses in brackets, and a port.</summary>
    private static bool IsRegistry(string registry)
    {
        string host = registry;
        int colon = registry.LastIndexOf(':');
        if (colon > registry.LastIndexOf(']'))
        {
            host = registry[..colon];
            string port = registry[(colon + 1)..];
            if (port.Length == 0 || !port.All(char.IsAsciiDigit))
            {
                return false;
            }
        }

        if (host.StartsWith('['))
        {
            return host.EndsWith(']') && host.Length > 2
                && !host.AsSpan(1, host.Length - 2).ContainsAnyExcept(s_addressCharacters);
        }

        return host.Split('.').All(static label =>
            label.Length > 0 && label[0] != '-' && label[^1] != '-'
            && label.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-'));
    }

    /// <summary>Letters and digits, between them '.', '_', '__' or any number of '-'.</summary>
    private static bool IsPathComponent(string component)
    {
        int position = 0;
        while (true)
        {
            int start = position;
            while (position < component.Length && IsAlphanumeric(component[position]))
            {
                position++;
            }

            if (position == start)
            {
                return false;
            }

            if (position == component.Length)
            {
                return true;
            }

            int separator = position;
            while (position < component.Length && !IsAlphanumeric(component[position]))
            {
                position++;
            }

            string between = component[separator..position];
            if (between is not ("." or "_" or "__") && !between.All(static c => c == '-'))
            {
                return false;
            }
        }
    }

    private static bool IsAlphanumeric(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);
}
