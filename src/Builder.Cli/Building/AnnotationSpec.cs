// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Cli.Running;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Building;

/// <summary>Reads annotations as buildx writes them: <c>[LEVEL,...[[PLATFORM]]:]KEY=VALUE</c>.</summary>
internal static class AnnotationSpec
{
    private const string OutputPrefix = "annotation";

    /// <summary>Reads <c>--annotation</c>: one annotation for each level named, the manifest when there is none.</summary>
    /// <exception cref="UsageException">Malformed.</exception>
    public static ImmutableArray<ImageAnnotation> Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        int colon = equals < 0 ? -1 : text.IndexOf(':', 0, equals);
        if (equals <= 0 || colon == equals - 1)
        {
            throw Invalid(text);
        }

        // A key may hold a colon itself: only what names levels is a prefix.
        string prefix = colon < 0 ? "" : text[..colon];
        (string levels, Platform? platform) = SplitPlatform(prefix, text);
        ImmutableArray<AnnotationLevel?> known = [.. levels.Split(',').Select(LevelOf)];
        string value = text[(equals + 1)..];
        return prefix.Length > 0 && known.All(level => level is not null)
            ? [.. known.Select(level => new ImageAnnotation(level!.Value, platform, text[(colon + 1)..equals], value))]
            : [new ImageAnnotation(AnnotationLevel.Manifest, null, text[..equals], value)];
    }

    /// <summary>
    /// Reads a field of <c>-o</c>: <c>annotation[-LEVEL][[PLATFORM]].KEY</c>; null when the key is something else.
    /// </summary>
    /// <exception cref="UsageException">Malformed.</exception>
    public static ImageAnnotation? ParseField(string key, string value)
    {
        int dot = key.IndexOf('.', Math.Max(0, key.IndexOf(']', StringComparison.Ordinal)));
        if (!key.StartsWith(OutputPrefix, StringComparison.Ordinal) || dot < 0)
        {
            return null;
        }

        (string name, Platform? platform) = SplitPlatform(key[..dot], key);
        AnnotationLevel? level = name == OutputPrefix ? AnnotationLevel.Manifest
            : name.StartsWith(OutputPrefix + "-", StringComparison.Ordinal) ? LevelOf(name[(OutputPrefix.Length + 1)..])
            : null;
        return level is { } found && dot < key.Length - 1
            ? new ImageAnnotation(found, platform, key[(dot + 1)..], value)
            : throw Invalid($"{key}={value}");
    }

    private static (string Name, Platform? Platform) SplitPlatform(string text, string whole)
    {
        int open = text.IndexOf('[', StringComparison.Ordinal);
        return open < 0 ? (text, null)
            : text.EndsWith(']') ? (text[..open], Platforms.Parse(text[(open + 1)..^1]))
            : throw Invalid(whole);
    }

    private static AnnotationLevel? LevelOf(string name) => name switch
    {
        "manifest" => AnnotationLevel.Manifest,
        "manifest-descriptor" => AnnotationLevel.ManifestDescriptor,
        "index" => AnnotationLevel.Index,
        "index-descriptor" => AnnotationLevel.IndexDescriptor,
        _ => null,
    };

    private static UsageException Invalid(string text) => new($"invalid annotation \"{text}\"")
    {
        Hint = "KEY=VALUE, with manifest:, index:, manifest-descriptor: or index-descriptor: before it, and [OS/ARCH] for one platform",
    };
}
