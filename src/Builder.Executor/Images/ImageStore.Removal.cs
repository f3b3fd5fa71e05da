// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Frontend.Naming;

namespace Builder.Executor.Images;

/// <content>Removing images, with docker's rules and words.</content>
public sealed partial class ImageStore
{
    /// <summary>
    /// Removes a name, and with its last one the image; an id removes the image with all its names, which must be forced
    /// when there are several. What no other image, container or step record needs leaves the disk.
    /// </summary>
    /// <param name="nameOrId">As the user wrote it.</param>
    /// <param name="force">Also when it has several names or <paramref name="usedBy"/> says something.</param>
    /// <param name="usedBy">Who uses the image ("stopped container 1234abcd"), or null for nobody.</param>
    /// <exception cref="ContentException">There is no such image, or it is in use.</exception>
    public IReadOnlyList<RemovedItem> Remove(string nameOrId, bool force, Func<StoredImage, string?> usedBy)
    {
        ArgumentNullException.ThrowIfNull(usedBy);
        var removed = new List<RemovedItem>();
        StoredImage? image = Find(nameOrId);
        ImageReference? name = ImageReference.TryParse(nameOrId, out ImageReference? parsed)
            && parsed.Digest is null && _store.References.Find(parsed) is not null
                ? parsed
                : null;
        if (image is null)
        {
            // A name whose image is damaged can be removed all the same.
            if (name is null)
            {
                throw NoSuchImage(nameOrId);
            }

            Untag(name, removed);
            return removed;
        }

        if (name is not null && image.Names.Length > 1)
        {
            Untag(name, removed);
            ForgetRepoDigests(image, name, removed);
            return removed;
        }

        string shortId = image.Id.Hex[..12];
        if (name is null && image.Names.Length > 1 && !force)
        {
            throw InUse(
                $"remove image {shortId}: it has {image.Names.Length} names: {string.Join(", ", image.Names.Select(Familiar))}",
                "remove the names one by one, or use --force");
        }

        if (!force && usedBy(image) is { } user)
        {
            throw InUse(
                $"remove image {nameOrId}: conflict: it must be forced - image is being used by {user}",
                "remove the container first, or use --force");
        }

        Digest[] siblings = [.. FindSiblings(image)];
        foreach (ImageReference other in image.Names)
        {
            Untag(other, removed);
        }

        foreach (string repoDigest in image.RepoDigests)
        {
            removed.Add(new RemovedItem(false, FamiliarRepoDigest(repoDigest)));
        }

        _records.Remove(image.Id);
        removed.Add(new RemovedItem(true, image.Id.ToString()));
        RemoveNameless(siblings, force, usedBy, removed);
        foreach (Digest layer in new GarbageCollector(_store).TryCollect())
        {
            removed.Add(new RemovedItem(true, layer.ToString()));
        }

        return removed;
    }

    /// <summary>The other images of the indexes that an image's names mean.</summary>
    private IEnumerable<Digest> FindSiblings(StoredImage image) => image.Names
        .Select(name => _store.References.Find(name))
        .OfType<Digest>()
        .Where(target => target != image.Manifest.Digest && _store.Blobs.IsFile(target))
        .SelectMany(IdsOf)
        .Where(id => id != image.Id)
        .Distinct();

    /// <summary>An index is gone with its name: so are its images, as far as nothing else names or uses them.</summary>
    private void RemoveNameless(
        Digest[] ids, bool force, Func<StoredImage, string?> usedBy, List<RemovedItem> removed)
    {
        Lazy<NameTable> table = ReadNames();
        foreach (Digest id in ids)
        {
            if (FindById(id, table) is { Names.IsEmpty: true, RepoDigests.IsEmpty: true } sibling
                && (force || usedBy(sibling) is null))
            {
                _records.Remove(id);
                removed.Add(new RemovedItem(true, id.ToString()));
            }
        }
    }

    private static ContentException InUse(string message, string hint) =>
        new(ContentFailure.InUse, message) { Hint = hint };

    private static string Familiar(ImageReference name) => $"{name.FamiliarName}:{name.Tag}";

    private static string FamiliarRepoDigest(string repoDigest) =>
        ImageReference.TryParse(repoDigest, out ImageReference? name) ? $"{name.FamiliarName}@{name.Digest}" : repoDigest;

    private void Untag(ImageReference name, List<RemovedItem> removed)
    {
        if (_store.References.Remove(name))
        {
            removed.Add(new RemovedItem(false, Familiar(name)));
        }
    }

    // With the last tag of a repository go the digests by which that repository knew the image.
    private void ForgetRepoDigests(StoredImage image, ImageReference name, List<RemovedItem> removed)
    {
        string repository = $"{name.Registry}/{name.Repository}";
        if (image.Names.Any(other => other != name && $"{other.Registry}/{other.Repository}" == repository))
        {
            return;
        }

        string prefix = repository + "@";
        foreach (string repoDigest in image.RepoDigests.Where(text => text.StartsWith(prefix, StringComparison.Ordinal)))
        {
            removed.Add(new RemovedItem(false, FamiliarRepoDigest(repoDigest)));
        }

        _records.RemoveRepoDigests(image.Id, text => text.StartsWith(prefix, StringComparison.Ordinal));
    }
}
