// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>What an annotation is written on.</summary>
public enum AnnotationLevel
{
    /// <summary>An image's manifest.</summary>
    Manifest,

    /// <summary>The entry of a manifest in the index.</summary>
    ManifestDescriptor,

    /// <summary>The index over several platforms.</summary>
    Index,

    /// <summary>The entry of the index in a layout's index.json.</summary>
    IndexDescriptor,
}

/// <summary>One annotation.</summary>
/// <param name="Level">What it is written on.</param>
/// <param name="Platform">Only for this platform; null for all.</param>
/// <param name="Key">For instance <c>org.opencontainers.image.title</c>.</param>
/// <param name="Value">Any text.</param>
public sealed record ImageAnnotation(AnnotationLevel Level, Platform? Platform, string Key, string Value);

/// <summary>Annotations of what a build makes; of two with one key the last counts.</summary>
public sealed record ImageAnnotations(ImmutableArray<ImageAnnotation> All)
{
    /// <summary>None.</summary>
    public static ImageAnnotations None { get; } = new([]);

    /// <summary>Those of a level for a platform, sorted by key; null when there are none.</summary>
    public ImmutableSortedDictionary<string, string>? For(AnnotationLevel level, Platform? platform = null)
    {
        ImmutableSortedDictionary<string, string>.Builder found =
            ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (ImageAnnotation annotation in All)
        {
            if (annotation.Level == level && (annotation.Platform is null || annotation.Platform == platform))
            {
                found[annotation.Key] = annotation.Value;
            }
        }

        return found.Count == 0 ? null : found.ToImmutable();
    }
}
