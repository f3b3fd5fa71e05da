// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics.CodeAnalysis;

namespace Builder.Frontend.Naming;

/// <summary>
/// A name of an image with docker's defaults applied: <c>python:3.12-slim</c> is
/// <c>docker.io/library/python:3.12-slim</c>. Source: distribution reference grammar, as docker reads it.
/// </summary>
public sealed record ImageReference
{
    /// <summary>The registry meant when a name has none.</summary>
    public const string DefaultRegistry = "docker.io";

    /// <summary>The tag meant when a name has neither tag nor digest.</summary>
    public const string DefaultTag = "latest";

    private const string OfficialPrefix = "library/";

    /// <summary>Host and port, <c>docker.io</c> when none was written.</summary>
    public required string Registry { get; init; }

    /// <summary>The path below the registry, <c>library/python</c>.</summary>
    public required string Repository { get; init; }

    /// <summary>The tag; <c>latest</c> when neither tag nor digest was written; null when only a digest was.</summary>
    public string? Tag { get; init; }

    /// <summary>The digest; null when none was written.</summary>
    public Digest? Digest { get; init; }

    /// <summary>The short form docker shows: without <c>docker.io/library/</c>; without tag or digest.</summary>
    public string FamiliarName
    {
        get
        {
            if (Registry != DefaultRegistry)
            {
                return $"{Registry}/{Repository}";
            }

            bool isOfficial = Repository.StartsWith(OfficialPrefix, StringComparison.Ordinal)
                && !Repository.AsSpan(OfficialPrefix.Length).Contains('/');
            return isOfficial ? Repository[OfficialPrefix.Length..] : Repository;
        }
    }

    /// <summary>Parses a reference.</summary>
    /// <exception cref="FormatException">Not a reference; the message says why.</exception>
    public static ImageReference Parse(string text) => ReferenceParser.Parse(text);

    /// <summary>Parses a reference; false when it is malformed.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ImageReference? reference)
    {
        reference = text is null ? null : ReferenceParser.TryParse(text, out _);
        return reference is not null;
    }

    /// <summary>The full form, REGISTRY/REPOSITORY[:TAG][@DIGEST].</summary>
    public override string ToString() =>
        $"{Registry}/{Repository}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";
}
