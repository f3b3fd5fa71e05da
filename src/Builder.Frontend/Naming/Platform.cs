// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Naming;

/// <summary>
/// An operating system and a processor, written <c>linux/arm64/v8</c>, normalised as containerd does (x86_64 → amd64,
/// aarch64 → arm64, armhf → arm/v7). Source: image-spec, image-index.md.
/// </summary>
public sealed record Platform
{
    /// <summary>For instance <c>linux</c>.</summary>
    public required string Os { get; init; }

    /// <summary>For instance <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>For instance <c>v7</c>; null when the architecture has none.</summary>
    public string? Variant { get; init; }

    /// <summary>The operating system's version; null when it does not matter.</summary>
    public string? OsVersion { get; init; }

    /// <summary>Parses and normalises OS[/ARCH[/VARIANT]] or ARCH alone; missing parts come from <paramref name="host"/>.</summary>
    /// <exception cref="FormatException">Not a platform.</exception>
    public static Platform Parse(string text, Platform host) => throw new NotImplementedException();

    /// <summary>True when an image of this platform runs where <paramref name="wanted"/> is asked for.</summary>
    public bool Satisfies(Platform wanted) => throw new NotImplementedException();

    /// <summary>OS/ARCH[/VARIANT].</summary>
    public override string ToString() =>
        Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";
}
