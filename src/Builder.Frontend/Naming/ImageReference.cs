// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics.CodeAnalysis;

namespace Builder.Frontend.Naming;

/// <summary>
/// A name of an image with docker's defaults applied: <c>python:3.12-slim</c> is
/// <c>docker.io/library/python:3.12-slim</c>. Source: distribution reference grammar, as docker reads it.
/// </summary>
public sealed record ImageReference
{
    /// <summary>Host and port, <c>docker.io</c> when none was written.</summary>
    public required string Registry { get; init; }

    /// <summary>The path below the registry, <c>library/python</c>.</summary>
    public required string Repository { get; init; }

    /// <summary>The tag; <c>latest</c> when neither tag nor digest was written; null when only a digest was.</summary>
    public string? Tag { get; init; }

    /// <summary>The digest; default when none was written.</summary>
    public Digest? Digest { get; init; }

    /// <summary>Parses a reference.</summary>
    /// <exception cref="FormatException">Not a reference; the message says why.</exception>
    public static ImageReference Parse(string text) => throw new NotImplementedException();

    /// <summary>Parses a reference; false when it is malformed.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ImageReference? reference) =>
        throw new NotImplementedException();

    /// <summary>The short form docker shows: without <c>docker.io/library/</c>; without tag or digest.</summary>
    public string FamiliarName => throw new NotImplementedException();

    /// <summary>The full form, REGISTRY/REPOSITORY[:TAG][@DIGEST].</summary>
    public override string ToString() =>
        $"{Registry}/{Repository}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";
}
