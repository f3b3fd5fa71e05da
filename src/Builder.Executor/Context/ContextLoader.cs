// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Layers;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>
/// Finds what a build reads, as the command line says: <c>PATH | URL | -</c>, <c>-f FILE | URL | -</c>, ignore files and
/// <c>--build-context</c>.
/// </summary>
public sealed class ContextLoader
{
    private const int MaxDockerfileBytes = 16 << 20;
    private const string StandardInput = "-";

    private static readonly string[] s_dockerfileNames = ["Dockerfile", "dockerfile", "Containerfile"];

    private readonly Store _store;
    private readonly RemoteSource _remotes;
    private readonly TimeProvider _time;

    /// <summary>Creates a loader.</summary>
    public ContextLoader(Store store, RemoteSource remotes, TimeProvider time)
    {
        _store = store;
        _remotes = remotes;
        _time = time;
    }

    /// <summary>Reads the Dockerfile and opens the main context; named contexts are opened when they are used.</summary>
    /// <exception cref="BuildException">Something is missing, unreachable or malformed.</exception>
    public async Task<BuildContexts> LoadAsync(ContextOptions options, CancellationToken cancellationToken)
    {
        if (options.Context == StandardInput && options.DockerfilePath == StandardInput)
        {
            throw new ContextException(
                ContextFailure.Invalid, "read build context: standard input cannot be both the context and the Dockerfile");
        }

        var reader = new ContextReader(_store, _remotes, _time);
        try
        {
            return await LoadAsync(options, reader, cancellationToken);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    private static async Task<BuildContexts> LoadAsync(
        ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        if (options.Context == StandardInput)
        {
            return await LoadStandardInputAsync(options, reader, cancellationToken);
        }

        if (GitUrl.TryParse(options.Context, out GitUrl? git) && !(git.IsAmbiguous && Directory.Exists(options.Context)))
        {
            return await FromTreeAsync(
                await reader.OpenRepositoryAsync(git, cancellationToken), options, reader, cancellationToken);
        }

        if (ContextReader.IsWebAddress(options.Context, out Uri? url))
        {
            return await LoadDownloadAsync(url, options, reader, cancellationToken);
        }

        if (File.Exists(options.Context))
        {
            ArchiveTree? archive = await reader.TryOpenArchiveAsync(
                options.Context, $"build context \"{options.Context}\"", null, cancellationToken);
            return archive is not null
                ? await FromTreeAsync(archive, options, reader, cancellationToken)
                : throw new ContextException(
                    ContextFailure.Invalid, $"open build context \"{options.Context}\": neither a directory nor a tar archive")
                {
                    Hint = "the context is a directory; name the Dockerfile by -f",
                };
        }

        return await LoadDirectoryAsync(options, reader, cancellationToken);
    }

    /// <summary>A tar archive is a context; anything else is a Dockerfile with an empty one.</summary>
    private static async Task<BuildContexts> LoadStandardInputAsync(
        ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        await using Stream input = options.OpenStandardInput();
        byte[] start = new byte[TarFormat.BlockBytes];
        int length = await input.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken);
        var whole = new PrefixedStream(start.AsMemory(0, length), input);
        if (LooksLikeArchive(start.AsSpan(0, length)))
        {
            ArchiveTree archive = await reader.UnpackAsync(whole, "standard input", null, cancellationToken);
            return await FromTreeAsync(archive, options, reader, cancellationToken);
        }

        if (options.DockerfilePath is not null)
        {
            throw new ContextException(ContextFailure.Invalid, "read build context from standard input: it is no tar archive");
        }

        return WithoutFiles(SmallFile.Read(whole, "standard input", MaxDockerfileBytes), StandardInput, options, reader);
    }

    private static bool LooksLikeArchive(ReadOnlySpan<byte> start) =>
        LayerCompression.Detect(start) != Compression.None
        || (start.Length == TarFormat.BlockBytes && start.ContainsAnyExcept((byte)0)
            && start[TarFormat.MagicOffset..].StartsWith("ustar"u8));

    private static async Task<BuildContexts> LoadDownloadAsync(
        Uri url, ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        DownloadedFile file = await reader.DownloadAsync(url, cancellationToken);
        string name = HttpDownloader.Show(url);
        if (await reader.TryOpenArchiveAsync(file.Path, name, $"archive {file.Digest}", cancellationToken) is { } archive)
        {
            return await FromTreeAsync(archive, options, reader, cancellationToken);
        }

        return WithoutFiles(SmallFile.Read(file.Path, MaxDockerfileBytes, "read Dockerfile"), name, options, reader);
    }

    /// <summary>A build that has a Dockerfile and no files.</summary>
    private static BuildContexts WithoutFiles(byte[] dockerfile, string name, ContextOptions options, ContextReader reader) =>
        new(ToText(name, dockerfile), null, EmptyTree.Instance, reader, options) { Ignore = IgnoreMatcher.None };

    /// <summary>A context that is no directory of this machine: the Dockerfile is in it, unless it is a URL or "-".</summary>
    private static async Task<BuildContexts> FromTreeAsync(
        IFileTree tree, ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        (SourceText dockerfile, string? path) =
            await ReadElsewhereAsync(options, reader, cancellationToken) is { } elsewhere
                ? (elsewhere, null)
                : ReadInside(tree, options);
        ContextIgnore ignore = options.IgnoreFilePath is { } named
            ? IgnoreFileFinder.Read(named)
            : IgnoreFileFinder.Find(tree, path);
        return new BuildContexts(dockerfile, path, new IgnoredTree(tree, ignore.Matcher, ignore.Name), reader, options)
        {
            Ignore = ignore.Matcher,
        };
    }

    private static async Task<BuildContexts> LoadDirectoryAsync(
        ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        using LocalContext whole = reader.OpenWhole(options.Context);
        string? inside = null;
        ContextIgnore? ignore = options.IgnoreFilePath is { } named ? IgnoreFileFinder.Read(named) : null;
        SourceText? dockerfile = await ReadElsewhereAsync(options, reader, cancellationToken);
        if (dockerfile is null && FindOnDisk(options) is { } path)
        {
            dockerfile = ToText(options.DockerfilePath!, SmallFile.Read(path, MaxDockerfileBytes, "read Dockerfile"));
            ignore ??= IgnoreFileFinder.FindBeside(path);
            inside = PathInside(whole.Location, Path.GetFullPath(path));
        }

        if (dockerfile is null)
        {
            (dockerfile, inside) = ReadInside(whole, options);
        }

        ignore ??= IgnoreFileFinder.Find(whole, inside);
        return new BuildContexts(dockerfile, inside, reader.OpenDirectory(options.Context, ignore), reader, options)
        {
            Ignore = ignore.Matcher,
        };
    }

    /// <summary>The Dockerfile from standard input or a URL; null when it is a path.</summary>
    private static async Task<SourceText?> ReadElsewhereAsync(
        ContextOptions options, ContextReader reader, CancellationToken cancellationToken)
    {
        if (options.DockerfilePath == StandardInput)
        {
            await using Stream input = options.OpenStandardInput();
            return ToText(StandardInput, SmallFile.Read(input, "standard input", MaxDockerfileBytes));
        }

        if (options.DockerfilePath is { } text && ContextReader.IsWebAddress(text, out Uri? url))
        {
            DownloadedFile file = await reader.DownloadAsync(url, cancellationToken);
            return ToText(
                HttpDownloader.Show(url), SmallFile.Read(file.Path, MaxDockerfileBytes, "read Dockerfile"));
        }

        return null;
    }

    /// <summary><c>-f</c> means a path from where the user stands; what is not there is looked for in the context.</summary>
    private static string? FindOnDisk(ContextOptions options) =>
        options.DockerfilePath is { } path && File.Exists(path) ? path : null;

    private static (SourceText Text, string Path) ReadInside(IFileTree context, ContextOptions options)
    {
        IEnumerable<string> names = options.DockerfilePath is { } given ? [given] : s_dockerfileNames;
        foreach (string name in names)
        {
            string path = TreePath.Resolve(TreePath.Clean(name), context.Find);
            if (context.Find(path) is { Kind: FileKind.Regular })
            {
                return (ToText(name, SmallFile.Read(context, path, MaxDockerfileBytes)), TreePath.Clean(name));
            }
        }

        string missing = options.DockerfilePath ?? s_dockerfileNames[0];
        if (context.Find(TreePath.Clean(missing)) is { Kind: FileKind.Symlink } link)
        {
            throw new ContextException(
                ContextFailure.NotFound,
                $"read Dockerfile \"{missing}\": it is a symbolic link to \"{link.LinkTarget}\", which is not in the build context")
            {
                Hint = "give the file that is meant by -f FILE",
            };
        }

        if (options.DockerfilePath is not null
            && (Directory.Exists(missing) || context.Find(TreePath.Clean(missing)) is { Kind: FileKind.Directory }))
        {
            throw new ContextException(ContextFailure.Invalid, $"read Dockerfile \"{missing}\": it is a directory")
            {
                Hint = "-f names the file",
            };
        }

        throw new ContextException(
            ContextFailure.NotFound, $"read Dockerfile \"{missing}\": no such file in build context \"{options.Context}\"")
        {
            Hint = options.DockerfilePath is null ? "name it by -f FILE" : "-f is relative to where you are, or to the context",
        };
    }

    private static string? PathInside(string root, string path)
    {
        string relative = Path.GetRelativePath(root, path);
        return relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? null : relative;
    }

    private static SourceText ToText(string name, byte[] content) => new(name, PathEncoding.Decode(content));
}
