// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Solver.Files;
using Builder.Solver.Ports;

namespace Builder.Executor.Context;

/// <summary>Sources of ADD that are no local files: http(s), git, and archives that are unpacked. Thread-safe.</summary>
public sealed class RemoteSource : IRemoteSource, IDisposable
{
    private const string UnnamedFile = "__unnamed__";
    private const int DownloadedMode = 0b110_000_000;

    private readonly Store _store;
    private readonly HttpDownloader _http;
    private readonly GitFetcher _git;

    /// <summary>Creates the source.</summary>
    /// <param name="store">Keeps downloads; unpacked files are in its tmp/.</param>
    /// <param name="secret">Gives a build secret by id (<c>HTTP_AUTH_TOKEN_host</c>, <c>GIT_AUTH_TOKEN</c>), or null.</param>
    /// <param name="time">The clock.</param>
    public RemoteSource(Store store, Func<string, string?> secret, TimeProvider time)
    {
        _store = store;
        _http = new HttpDownloader(store, secret, time);
        _git = new GitFetcher(store, secret, time);
    }

    /// <inheritdoc/>
    public bool IsGitUrl(string source) => GitUrl.TryParse(source, out GitUrl? url) && !url.IsAmbiguous;

    /// <inheritdoc/>
    public async Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken)
    {
        switch (file)
        {
            case HttpFile http:
                Checksum? checksum = http.Checksum is { } text ? Checksum.Parse(text) : null;
                DownloadedFile downloaded = await _http.GetAsync(http.Url, cancellationToken);
                checksum?.Verify(downloaded, HttpDownloader.Show(http.Url));
                FileNode node = ToNode(NameOf(http.Url, downloaded), downloaded);
                return new FetchedFile(new SingleFileTree(downloaded.Path, downloaded.Digest, node), node.Name);
            case GitRepository git when GitUrl.TryParse(git.Url, out GitUrl? url):
                IFileTree tree = await _git.OpenAsync(WithFlags(url, git), cancellationToken);
                return new FetchedFile(tree, "");
            case GitRepository git:
                throw new ContextException(ContextFailure.Invalid, $"add {git.Url}: not the URL of a git repository");
            default:
                throw new NotSupportedException($"fetch {file.GetType().Name}");
        }
    }

    /// <inheritdoc/>
    public bool IsArchive(IFileTree tree, string path)
    {
        using Stream stream = tree.Open(path);
        return ArchiveUnpacker.IsArchive(stream);
    }

    /// <inheritdoc/>
    public Task<IFileTree> UnpackAsync(IFileTree tree, string path, CancellationToken cancellationToken) => Task.Run<IFileTree>(
        () => ArchiveUnpacker.Unpack(
            tree.Open(path), $"\"{path}\"", _store.Tmp.CreateDirectory("archive"), null, cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Downloads a file for a context.</summary>
    internal Task<DownloadedFile> DownloadAsync(Uri url, CancellationToken cancellationToken) =>
        _http.GetAsync(url, cancellationToken);

    /// <summary>Opens a repository for a context.</summary>
    internal Task<IFileTree> OpenRepositoryAsync(GitUrl url, CancellationToken cancellationToken) =>
        _git.OpenAsync(url, cancellationToken);

    private static GitUrl WithFlags(GitUrl url, GitRepository flags)
    {
        if (flags.Checksum is { } checksum && url.Checksum is { } other && checksum != other)
        {
            throw new ContextException(
                ContextFailure.Invalid, $"add {url.Remote}: checksum mismatch \"{checksum}\" != \"{other}\"");
        }

        return url with
        {
            Checksum = flags.Checksum ?? url.Checksum,
            KeepGitDir = url.KeepGitDir ?? flags.KeepGitDir,
        };
    }

    private static string NameOf(Uri url, DownloadedFile file)
    {
        string name = Uri.UnescapeDataString(TreePath.Name(url.AbsolutePath));
        return name is "" or "." or ".." || name.Contains('/') || name.Any(char.IsControl)
            ? file.FileName ?? UnnamedFile
            : name;
    }

    private static FileNode ToNode(string name, DownloadedFile file) => new()
    {
        Name = name,
        Kind = FileKind.Regular,
        Mode = DownloadedMode,
        UserId = 0,
        GroupId = 0,
        Size = file.Size,
        ModifiedSeconds = file.ModifiedSeconds,
    };

    /// <summary>A value of <c>--checksum</c> for a file.</summary>
    private sealed record Checksum(HashAlgorithmName Algorithm, string Name, string Hex)
    {
        public static Checksum Parse(string text)
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            string name = colon < 0 ? "" : text[..colon];
            string hex = text[(colon + 1)..];
            (HashAlgorithmName algorithm, int length) = name switch
            {
                "sha256" => (HashAlgorithmName.SHA256, SHA256.HashSizeInBytes),
                "sha384" => (HashAlgorithmName.SHA384, SHA384.HashSizeInBytes),
                "sha512" => (HashAlgorithmName.SHA512, SHA512.HashSizeInBytes),
                "" => throw Malformed(text, "it has no algorithm"),
                _ => throw Malformed(text, $"unsupported digest algorithm \"{name}\""),
            };
            return hex.Length == length * 2 && hex.All(char.IsAsciiHexDigitLower)
                ? new Checksum(algorithm, name, hex)
                : throw Malformed(text, $"{name} has {length * 2} lower-case hexadecimal digits");
        }

        public void Verify(DownloadedFile file, string url)
        {
            string actual = file.Digest.Hex;
            if (Algorithm != HashAlgorithmName.SHA256)
            {
                using FileStream stream = File.OpenRead(file.Path);
                actual = Convert.ToHexStringLower(
                    Algorithm == HashAlgorithmName.SHA384 ? SHA384.HashData(stream) : SHA512.HashData(stream));
            }

            if (actual != Hex)
            {
                throw new ContextException(
                    ContextFailure.ChecksumMismatch, $"add {url}: digest mismatch: expected {Name}:{Hex}, got {Name}:{actual}")
                {
                    Hint = "the file is not the one that the Dockerfile names; check its source before you change --checksum",
                };
            }
        }

        private static ContextException Malformed(string text, string what) =>
            new(ContextFailure.Invalid, $"read checksum \"{text}\": {what}")
            {
                Hint = "write sha256: and 64 lower-case hexadecimal digits",
            };
    }
}
