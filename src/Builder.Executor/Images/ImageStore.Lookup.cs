// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Images;

/// <content>Finding images.</content>
public sealed partial class ImageStore
{
    private const int HexDigits = 64;

    /// <summary>Finds an image by name, REPOSITORY@DIGEST, id or unique id prefix; null when there is none.</summary>
    /// <param name="nameOrId">As the user wrote it. A name wins over an id prefix.</param>
    /// <param name="platform">Which image of an index; null for this machine's, else the first.</param>
    /// <exception cref="ContentException">The prefix fits several images.</exception>
    public StoredImage? Find(string nameOrId, Platform? platform = null)
    {
        Lazy<NameTable> table = ReadNames();
        if (FindTarget(nameOrId, table) is { } target && FindByTarget(target, platform, table) is { } named)
        {
            return named;
        }

        string prefix = nameOrId.StartsWith("sha256:", StringComparison.Ordinal) ? nameOrId[7..] : nameOrId;
        if (prefix.Length is 0 or > HexDigits || !prefix.All(char.IsAsciiHexDigitLower))
        {
            return null;
        }

        Digest[] fitting = [.. _records.List().Where(id => id.Hex.StartsWith(prefix, StringComparison.Ordinal)).Take(2)];
        return fitting.Length switch
        {
            0 => prefix.Length == HexDigits ? FindByTarget(Digest.FromHex(prefix), platform, table) : null,
            1 => FindById(fitting[0], table),
            _ => throw new ContentException(
                ContentFailure.NotFound, $"find image {nameOrId}: several ids begin so")
            {
                Hint = "write more digits of the id",
            },
        };
    }

    /// <summary>All images, newest first. Of an image that is damaged nothing is said.</summary>
    public IReadOnlyList<StoredImage> List()
    {
        Lazy<NameTable> table = ReadNames();
        return [.. _records.List().Select(id => FindById(id, table)).OfType<StoredImage>()
            .OrderByDescending(image => image.Config.Created ?? DateTimeOffset.UnixEpoch)
            .ThenBy(image => image.Id)];
    }

    private static Platform HostPlatform() => new()
    {
        Os = "linux",
        Architecture = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64",
    };

    private Digest? FindTarget(string nameOrId, Lazy<NameTable> table)
    {
        if (!ImageReference.TryParse(nameOrId, out ImageReference? reference))
        {
            return null;
        }

        if (reference.Digest is { } digest)
        {
            string repository = $"{reference.Registry}/{reference.Repository}";
            foreach (Digest id in IdsOf(digest))
            {
                if (_records.Find(id) is { } record
                    && (record.RepoDigests.Contains($"{repository}@{digest}")
                        || (record.Manifest.Digest == digest && table.Value.NamesOf(digest).Any(name =>
                            $"{name.Registry}/{name.Repository}" == repository))))
                {
                    return record.Manifest.Digest;
                }
            }

            return null;
        }

        return _store.References.Find(reference);
    }

    private StoredImage? FindByTarget(Digest target, Platform? platform, Lazy<NameTable> table)
    {
        byte[]? json = _store.Blobs.TryReadAll(target, OciJson.MaxManifestBytes);
        if (json is null)
        {
            return null;
        }

        if (!MediaTypes.IsIndex(OciJson.DetectMediaType(json)))
        {
            return FindById(OciJson.ParseManifest(json).Config.Digest, table) is { } found
                && (platform is null || found.Config.Platform.Satisfies(platform))
                    ? found with { Manifest = found.Manifest.Digest == target ? found.Manifest : found.Manifest with { Digest = target, Size = json.Length } }
                    : null;
        }

        ImmutableList<Descriptor> manifests = OciJson.ParseIndex(json).Manifests;
        Platform wanted = platform ?? HostPlatform();
        IEnumerable<Descriptor> ordered = manifests
            .Where(entry => entry.Platform?.ToPlatform().Satisfies(wanted) ?? false)
            .Concat(platform is null ? manifests : []);
        foreach (Descriptor entry in ordered)
        {
            if (_store.Blobs.IsFile(entry.Digest) && FindByTarget(entry.Digest, platform, table) is { } image)
            {
                return image;
            }
        }

        return null;
    }

    /// <summary>
    /// The image that a registry knows as REPOSITORY@DIGEST and that fits a platform, or null. The digest is that of a
    /// manifest or index, which is read instead of the whole list of images.
    /// </summary>
    internal StoredImage? FindByRepoDigest(string repoDigest, Platform platform)
    {
        if (!Digest.TryParse(repoDigest[(repoDigest.IndexOf('@', StringComparison.Ordinal) + 1)..], out Digest digest))
        {
            return null;
        }

        Lazy<NameTable> table = ReadNames();
        return IdsOf(digest)
            .Where(id => _records.Find(id)?.RepoDigests.Contains(repoDigest) == true)
            .Select(id => FindById(id, table))
            .FirstOrDefault(image => image?.Config.Platform.Satisfies(platform) == true);
    }

    /// <summary>The ids of the images that a manifest or index may mean; all ids when the store does not have it.</summary>
    private IEnumerable<Digest> IdsOf(Digest document)
    {
        try
        {
            if (_store.Blobs.TryReadAll(document, OciJson.MaxManifestBytes) is not { } json)
            {
                return _records.List();
            }

            return MediaTypes.IsIndex(OciJson.DetectMediaType(json))
                ? [.. OciJson.ParseIndex(json).Manifests
                    .Where(entry => _store.Blobs.IsFile(entry.Digest)).SelectMany(entry => IdsOf(entry.Digest))]
                : [OciJson.ParseManifest(json).Config.Digest];
        }
        catch (ContentException)
        {
            return [];
        }
    }

    private StoredImage? FindById(Digest id, Lazy<NameTable> table)
    {
        if (_records.Find(id) is not { } record)
        {
            return null;
        }

        try
        {
            byte[]? config = _store.Blobs.TryReadAll(id, OciJson.MaxConfigBytes);
            return config is null ? null : Describe(id, record, ImageConfigJson.Parse(config), table);
        }
        catch (ContentException)
        {
            return null;
        }
    }

    private static StoredImage Describe(Digest id, ImageRecord record, ImageConfig config, Lazy<NameTable> table) => new()
    {
        Id = id,
        Manifest = record.Manifest,
        Config = config,
        RepoDigests = [.. record.RepoDigests],
        LazyNames = new Lazy<ImmutableArray<ImageReference>>(() => [.. table.Value.NamesOf(record.Manifest.Digest)]),
    };

    /// <summary>
    /// Which names mean which manifest, names of an index meaning each of its images; read when a name is asked for:
    /// finding one image must not cost more with every other.
    /// </summary>
    private Lazy<NameTable> ReadNames() => new(MakeNames);

    private NameTable MakeNames()
    {
        var table = new NameTable();
        foreach ((ImageReference name, Digest target) in _store.References.List())
        {
            table.Add(target, name);
            try
            {
                if (_store.Blobs.TryReadAll(target, OciJson.MaxManifestBytes) is { } json
                    && MediaTypes.IsIndex(OciJson.DetectMediaType(json)))
                {
                    foreach (Descriptor manifest in OciJson.ParseIndex(json).Manifests)
                    {
                        table.Add(manifest.Digest, name);
                    }
                }
            }
            catch (ContentException)
            {
                // A damaged target: the name stays listed under it and can be removed.
            }
        }

        return table;
    }

    private sealed class NameTable
    {
        private readonly Dictionary<Digest, List<ImageReference>> _names = [];

        public void Add(Digest manifest, ImageReference name)
        {
            if (!_names.TryGetValue(manifest, out List<ImageReference>? names))
            {
                _names.Add(manifest, names = []);
            }

            names.Add(name);
        }

        public List<ImageReference> NamesOf(Digest manifest) =>
            _names.TryGetValue(manifest, out List<ImageReference>? names) ? names : [];
    }
}
