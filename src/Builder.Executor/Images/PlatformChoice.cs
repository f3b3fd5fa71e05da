// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <summary>Chooses the image of an index for a platform. Source: image-spec, image-index.md; containerd's platforms.</summary>
internal static class PlatformChoice
{
    private const string AttestationAnnotation = "vnd.docker.reference.type";

    /// <summary>
    /// The manifest that fits best: the newest variant that still runs there; of equals the first.
    /// </summary>
    /// <exception cref="RegistryException">None fits; the message lists what there is.</exception>
    public static Descriptor Choose(ImageIndex index, Platform wanted, string subject)
    {
        Descriptor? best = null;
        Platform? bestPlatform = null;
        foreach (Descriptor manifest in Images(index))
        {
            Platform? platform = manifest.Platform?.ToPlatform();
            if (platform is null || !platform.Satisfies(wanted))
            {
                continue;
            }

            // The other one runs wherever this one is asked for, and not the other way round: this one is newer.
            if (best is null || (bestPlatform!.Satisfies(platform) && !platform.Satisfies(bestPlatform)))
            {
                (best, bestPlatform) = (manifest, platform);
            }
        }

        return best ?? OnlyUnlabelled(index) ?? throw None(index, wanted, subject);
    }

    /// <summary>The manifests of an index that are images and not statements about images.</summary>
    public static IEnumerable<Descriptor> Images(ImageIndex index) => index.Manifests.Where(manifest =>
        MediaTypes.IsManifest(manifest.MediaType)
        && manifest.Platform is not { Os: "unknown", Architecture: "unknown" }
        && manifest.Annotations?.ContainsKey(AttestationAnnotation) != true);

    /// <summary>An index with one image of which it says nothing: a layout made by hand.</summary>
    private static Descriptor? OnlyUnlabelled(ImageIndex index)
    {
        List<Descriptor> images = [.. Images(index)];
        return images is [{ Platform: null }] ? images[0] : null;
    }

    private static RegistryException None(ImageIndex index, Platform wanted, string subject)
    {
        string available = string.Join(", ", Images(index).Select(m => m.Platform?.ToPlatform().ToString() ?? "unknown"));
        return new RegistryException(RegistryFailure.NoSuchPlatform, $"{subject}: no image for {wanted}")
        {
            Hint = available.Length == 0 ? "the index lists no image" : $"there are images for {available}",
        };
    }
}
