// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>Opens what contexts are made of: directories, archives, downloads, repositories. Owns what it opened.</summary>
internal sealed class ContextReader : IDisposable
{
    private readonly Store _store;
    private readonly RemoteSource _remotes;
    private readonly TimeProvider _time;
    private readonly ConcurrentBag<LocalContext> _local = [];

    /// <summary>Creates a reader.</summary>
    public ContextReader(Store store, RemoteSource remotes, TimeProvider time)
    {
        _store = store;
        _remotes = remotes;
        _time = time;
    }

    /// <summary>Opens a directory; digests of its files are remembered across builds.</summary>
    public LocalContext OpenDirectory(string path, ContextIgnore ignore)
    {
        string full = Path.GetFullPath(path);
        string name = Convert.ToHexStringLower(SHA256.HashData(PathEncoding.Encode(full)));
        ContentIndex index = ContentIndex.Load(Path.Combine(_store.CachePath, "contexts", name));
        var context = new LocalContext(full, ignore.Matcher, ignore.Name, index, _time);
        _local.Add(context);
        return context;
    }

    /// <summary>Opens a directory to look into it, without its ignore file.</summary>
    public LocalContext OpenWhole(string path) => new(Path.GetFullPath(path), IgnoreMatcher.None, "", null, _time);

    /// <summary>Unpacks an archive that a stream gives.</summary>
    public Task<ArchiveTree> UnpackAsync(
        Stream archive, string description, string? identity, CancellationToken cancellationToken) => Task.Run(
        () => ArchiveUnpacker.Unpack(
            archive, description, _store.Tmp.CreateDirectory("context"), identity, cancellationToken),
        cancellationToken);

    /// <summary>Downloads a file.</summary>
    public Task<DownloadedFile> DownloadAsync(Uri url, CancellationToken cancellationToken) =>
        _remotes.DownloadAsync(url, cancellationToken);

    /// <summary>Opens a repository.</summary>
    public Task<IFileTree> OpenRepositoryAsync(GitUrl url, CancellationToken cancellationToken) =>
        _remotes.OpenRepositoryAsync(url, cancellationToken);

    /// <summary>Opens a file as an archive, or gives null when it is none.</summary>
    public async Task<ArchiveTree?> TryOpenArchiveAsync(
        string path, string description, string? identity, CancellationToken cancellationToken)
    {
        await using (FileStream probe = File.OpenRead(path))
        {
            if (!ArchiveUnpacker.IsArchive(probe))
            {
                return null;
            }
        }

        return await UnpackAsync(File.OpenRead(path), description, identity, cancellationToken);
    }

    /// <summary>Opens the value of <c>--build-context</c> that is no image; its own .dockerignore counts.</summary>
    public async Task<IFileTree> OpenNamedAsync(string name, string value, CancellationToken cancellationToken)
    {
        if (GitUrl.TryParse(value, out GitUrl? git) && !(git.IsAmbiguous && Directory.Exists(value)))
        {
            return new IgnoredTree(await OpenRepositoryAsync(git, cancellationToken), IgnoreMatcher.None, "");
        }

        if (IsWebAddress(value, out Uri? url))
        {
            DownloadedFile file = await DownloadAsync(url, cancellationToken);
            ArchiveTree? archive = await TryOpenArchiveAsync(
                file.Path, HttpDownloader.Show(url), $"archive {file.Digest}", cancellationToken);
            return archive is not null
                ? new IgnoredTree(archive, IgnoreMatcher.None, "")
                : throw new ContextException(
                    ContextFailure.Invalid, $"open build context {name}={HttpDownloader.Show(url)}: it is no tar archive");
        }

        string path = value.StartsWith("local:", StringComparison.Ordinal) ? value["local:".Length..] : value;
        if (File.Exists(path))
        {
            return await TryOpenArchiveAsync(path, $"\"{path}\"", null, cancellationToken) is { } archive
                ? new IgnoredTree(archive, IgnoreMatcher.None, "")
                : throw new ContextException(
                    ContextFailure.Invalid, $"open build context {name}={value}: neither a directory nor a tar archive");
        }

        if (!Directory.Exists(path))
        {
            throw new ContextException(ContextFailure.NotFound, $"open build context {name}={value}: no such directory")
            {
                Hint = "write a directory, a git or http URL, docker-image://NAME or oci-layout://DIRECTORY",
            };
        }

        using LocalContext whole = OpenWhole(path);
        return OpenDirectory(path, IgnoreFileFinder.Find(whole, null));
    }

    /// <summary>True for http and https.</summary>
    public static bool IsWebAddress(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Uri? url)
    {
        url = null;
        return (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
            && Uri.TryCreate(text, UriKind.Absolute, out url);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (LocalContext context in _local)
        {
            context.Dispose();
        }
    }
}
