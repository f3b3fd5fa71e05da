// SPDX-License-Identifier: Apache-2.0

using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Tests.Registry;

/// <summary>A small image with real layers, and its way into a registry.</summary>
internal sealed class ImageSpecimen
{
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private const string IndexType = "application/vnd.oci.image.index.v1+json";

    private ImageSpecimen(string architecture, byte[][] layers, DiffId[] diffIds, byte[] config)
    {
        Architecture = architecture;
        Layers = layers;
        DiffIds = diffIds;
        Config = config;
    }

    public string Architecture { get; }

    public byte[][] Layers { get; }

    public DiffId[] DiffIds { get; }

    public byte[] Config { get; }

    public byte[] Manifest => Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}","config":{{Descriptor("application/vnd.oci.image.config.v1+json", Config)}},"layers":[{{string.Join(',', Layers.Select(layer => Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)))}}]}""");

    public Digest ManifestDigest => DigestOf(Manifest);

    /// <summary>An image with one file of random bytes in each layer.</summary>
    public static ImageSpecimen Make(int layers, int fileBytes, string architecture = "amd64", int seed = 1)
    {
        byte[][] tars = [.. Enumerable.Range(0, layers).Select(i => Tar($"file{i}", RegistryTest.Blob(fileBytes, seed + i).Bytes))];
        DiffId[] diffIds = [.. tars.Select(tar => new DiffId(DigestOf(tar)))];
        string config =
            $$$"""{"architecture":"{{{architecture}}}","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', diffIds.Select(id => $"\"{id}\""))}}}]},"history":[]}""";
        return new ImageSpecimen(architecture, [.. tars.Select(Gzip)], diffIds, Encoding.UTF8.GetBytes(config));
    }

    public static Digest DigestOf(byte[] bytes) => Digest.FromHash(SHA256.HashData(bytes));

    /// <summary>Pushes several images under one index; gives the index' digest.</summary>
    public static async Task<Digest> PushIndexAsync(RegistryRepository repository, string tag, params ImageSpecimen[] images)
    {
        foreach (ImageSpecimen image in images)
        {
            await image.PushAsync(repository, image.ManifestDigest.ToString());
        }

        string entries = string.Join(',', images.Select(image =>
            Descriptor(ManifestType, image.Manifest, $$""","platform":{"architecture":"{{image.Architecture}}","os":"linux"}""")));
        string statement =
            $$$"""{"mediaType":"{{{ManifestType}}}","digest":"{{{images[0].ManifestDigest}}}","size":{{{images[0].Manifest.Length}}},"platform":{"architecture":"unknown","os":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}""";
        byte[] index = Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{IndexType}}","manifests":[{{statement}},{{entries}}]}""");
        await repository.PutManifestAsync(tag, IndexType, index, RegistryTest.Token);
        return DigestOf(index);
    }

    /// <summary>Pushes blobs and manifest.</summary>
    public async Task PushAsync(RegistryRepository repository, string reference)
    {
        foreach (byte[] blob in Layers.Append(Config))
        {
            await RegistryTest.PushAsync(repository, blob);
        }

        await repository.PutManifestAsync(reference, ManifestType, Manifest, RegistryTest.Token);
    }

    private static string Descriptor(string type, byte[] bytes, string more = "") =>
        $$"""{"mediaType":"{{type}}","digest":"{{DigestOf(bytes)}}","size":{{bytes.Length}}{{more}}}""";

    private static byte[] Tar(string name, byte[] content)
    {
        using MemoryStream bytes = new();
        using (TarWriter writer = new(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name)
            {
                DataStream = new MemoryStream(content),
                ModificationTime = DateTimeOffset.UnixEpoch,
            });
        }

        return bytes.ToArray();
    }

    private static byte[] Gzip(byte[] tar)
    {
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Fastest))
        {
            gzip.Write(tar);
        }

        return bytes.ToArray();
    }
}
