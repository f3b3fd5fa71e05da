// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Globalization;

namespace Builder.Frontend.Naming;

/// <summary>
/// An operating system and a processor, written <c>linux/arm64/v8</c>, normalised as containerd does (x86_64 → amd64,
/// aarch64 → arm64, armhf → arm/v7). Source: image-spec, image-index.md.
/// </summary>
public sealed record Platform
{
    private const int MaxParts = 3;

    private static readonly SearchValues<char> s_allowed = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    private static readonly HashSet<string> s_systems = new(StringComparer.Ordinal)
    {
        "aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd",
        "plan9", "solaris", "wasip1", "wasi", "windows", "zos",
    };

    private static readonly HashSet<string> s_architectures = new(StringComparer.Ordinal)
    {
        "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
        "riscv64", "s390x", "wasm",
    };

    /// <summary>For instance <c>linux</c>.</summary>
    public required string Os { get; init; }

    /// <summary>For instance <c>amd64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>For instance <c>v7</c>; null when the architecture has none, or the usual one (arm64/v8, amd64/v1).</summary>
    public string? Variant { get; init; }

    /// <summary>The operating system's version; null when it does not matter.</summary>
    public string? OsVersion { get; init; }

    /// <summary>
    /// Parses and normalises OS[/ARCH[/VARIANT]] or ARCH alone; missing parts come from <paramref name="host"/>. A version
    /// may stand behind the system: <c>windows(10.0.17763)/amd64</c>.
    /// </summary>
    /// <exception cref="FormatException">Not a platform.</exception>
    public static Platform Parse(string text, Platform host)
    {
        string[] parts = text.Split('/');
        if (parts.Length > MaxParts)
        {
            throw Invalid(text, "expected OS[/ARCH[/VARIANT]]");
        }

        (string system, string? version) = SplitVersion(text, parts[0]);
        foreach (string part in parts.Skip(1).Prepend(system))
        {
            if (part.Length == 0 || part.AsSpan().ContainsAnyExcept(s_allowed))
            {
                throw Invalid(text, $"\"{part}\" has characters other than letters, digits, '_', '.' and '-'");
            }
        }

        system = NormaliseSystem(system);
        if (parts.Length > 1)
        {
            return Normalise(system, parts[1], parts.Length == MaxParts ? parts[2] : null, version);
        }

        if (s_systems.Contains(system))
        {
            return host with { Os = system, OsVersion = version };
        }

        Platform alone = Normalise(host.Os, parts[0], null, version);
        return s_architectures.Contains(alone.Architecture)
            ? alone
            : throw Invalid(text, "unknown operating system or architecture");
    }

    /// <summary>The same platform under its canonical names.</summary>
    public Platform Normalised() => Normalise(NormaliseSystem(Os), Architecture, Variant, OsVersion);

    /// <summary>
    /// True when an image of this platform runs where <paramref name="wanted"/> is asked for: same system and
    /// architecture, and a variant that is not newer.
    /// </summary>
    public bool Satisfies(Platform wanted)
    {
        Platform image = Normalised();
        Platform place = wanted.Normalised();
        return image.Os == place.Os
            && image.Architecture == place.Architecture
            && (image.OsVersion is null || place.OsVersion is null || image.OsVersion == place.OsVersion)
            && IsNotNewer(image, place);
    }

    /// <summary>OS/ARCH[/VARIANT].</summary>
    public override string ToString() =>
        Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";

    private static (string System, string? Version) SplitVersion(string text, string part)
    {
        int open = part.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            return (part, null);
        }

        return part.EndsWith(')')
            ? (part[..open], part[(open + 1)..^1])
            : throw Invalid(text, "the version is not closed with ')'");
    }

    private static string NormaliseSystem(string system)
    {
        string lower = system.ToLowerInvariant();
        return lower == "macos" ? "darwin" : lower;
    }

    private static Platform Normalise(string system, string architecture, string? variant, string? version)
    {
        string? written = string.IsNullOrEmpty(variant) ? null : variant.ToLowerInvariant();
        (string name, string? normal) = architecture.ToLowerInvariant() switch
        {
            "i386" => ("386", null),
            "x86_64" or "x86-64" or "amd64" => ("amd64", written == "v1" ? null : written),
            "aarch64" or "arm64" => ("arm64", written is "8" or "v8" ? null : written),
            "armhf" => ("arm", "v7"),
            "armel" => ("arm", "v6"),
            "arm" => ("arm", written switch
            {
                null or "7" => "v7",
                "5" or "6" or "8" => "v" + written,
                _ => written,
            }),
            var other => (other, written),
        };
        return new Platform { Os = system, Architecture = name, Variant = normal, OsVersion = version };
    }

    private static bool IsNotNewer(Platform image, Platform place)
    {
        if (image.Variant == place.Variant)
        {
            return true;
        }

        string? usual = image.Architecture switch
        {
            "amd64" => "v1",
            "arm64" => "v8",
            "arm" => "v7",
            _ => null,
        };
        return usual is not null
            && TryRank(image.Variant ?? usual, out decimal imageRank)
            && TryRank(place.Variant ?? usual, out decimal placeRank)
            && imageRank <= placeRank;
    }

    private static bool TryRank(string variant, out decimal rank)
    {
        rank = 0;
        return variant.StartsWith('v')
            && decimal.TryParse(
                variant.AsSpan(1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out rank);
    }

    private static FormatException Invalid(string text, string cause) =>
        new($"\"{text}\" is not a platform: {cause}");
}
