// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;

namespace Builder.Executor.Tests.Registry;

/// <summary>What the registry tests share: quick retries, no configuration of the machine, blobs of known bytes.</summary>
internal static class RegistryTest
{
    public static RegistryOptions Options { get; } = new()
    {
        RetryDelay = TimeSpan.FromMilliseconds(5),
        RegistriesFile = "",
        Environment = _ => null,
        AuthFile = "/nonexistent/auth.json",
    };

    public static CancellationToken Token => Xunit.TestContext.Current.CancellationToken;

    public static RegistryOptions WithUser(string authority) => Options with
    {
        Credential = new RegistryCredential
        {
            UserName = TestSupport.RegistryServer.UserName,
            Password = TestSupport.RegistryServer.Password,
        },
        CredentialRegistry = authority,
    };

    public static ImageReference Image(string authority, string repository, string tag = "latest") =>
        new() { Registry = authority, Repository = repository, Tag = tag };

    public static (byte[] Bytes, Digest Digest) Blob(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return (bytes, Digest.FromHash(SHA256.HashData(bytes)));
    }

    public static BlobOpener From(byte[] bytes) => (offset, _) =>
        Task.FromResult<Stream>(new MemoryStream(bytes, (int)offset, bytes.Length - (int)offset, writable: false));

    public static async Task<UploadOutcome> PushAsync(
        RegistryRepository repository, byte[] bytes, params ImmutableArray<string> mountFrom) =>
        await BlobUpload.RunAsync(
            repository, Digest.FromHash(SHA256.HashData(bytes)), bytes.Length, From(bytes), mountFrom, null, Token);

    public static async Task<byte[]> PullAsync(RegistryRepository repository, Digest digest, long size, byte[]? present = null)
    {
        using MemoryStream file = new();
        file.Write(present ?? []);
        await BlobDownload.RunAsync([repository], digest, size, file, null, Token);
        return file.ToArray();
    }

    /// <summary>A manifest of one config and no layers, which registries accept when the config is there.</summary>
    public static byte[] Manifest(Digest config, int size) => System.Text.Encoding.UTF8.GetBytes(
        $$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{config}}","size":{{size}}},"layers":[]}""");
}
