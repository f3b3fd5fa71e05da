// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Images;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Foreign;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// The directory that holds everything bld keeps. Opening it changes nothing but missing directories; several processes
/// may use one store at once. Thread-safe.
/// </summary>
public sealed class Store : IDisposable
{
    private const string FormatFile = "format";
    private const string Format = "bld store 1\n";
    private const int DirectoryMode = 0b111_000_000;

    private static readonly string[] s_directories =
        ["blobs", "blobs/sha256", "layers", "images", "snapshots", "pending", "refs", "cache", "mounts", "containers",
            "locks", "tmp"];

    private readonly PendingSnapshots _pending;
    private readonly StoreUsage _usage;

    private Store(string root)
    {
        Root = root;
        Locks = new StoreLocks(Path.Combine(root, "locks"));
        Tmp = new TemporaryFiles(Path.Combine(root, "tmp"), Locks);
        _usage = new StoreUsage(Path.Combine(root, "locks", "usage"));
        _pending = new PendingSnapshots(root, Locks);
        Layers = new LayerIndex(Path.Combine(root, "layers"), this);
        Snapshots = new SnapshotStore(this, _pending);
        Blobs = new BlobStore(this);
        References = new ReferenceStore(Path.Combine(root, "refs"), Tmp);
        Images = new ImageStore(this);
        Foreign = new ForeignCommands(Tmp);
    }

    /// <summary>The directory, absolute.</summary>
    public string Root { get; }

    /// <summary>Manifests, configs and layers by digest.</summary>
    public BlobStore Blobs { get; }

    /// <summary>Names of images.</summary>
    public ReferenceStore References { get; }

    /// <summary>Which blobs hold which layers.</summary>
    public LayerIndex Layers { get; }

    /// <summary>Images.</summary>
    public ImageStore Images { get; }

    /// <summary>Locks between processes.</summary>
    public StoreLocks Locks { get; }

    /// <summary>This process' own temporary directory in the store, swept when the process is gone.</summary>
    public TemporaryFiles Tmp { get; }

    /// <summary>What makes commands of other architectures runnable, for as long as the store is open.</summary>
    internal ForeignCommands Foreign { get; }

    /// <summary>Where step records are kept.</summary>
    public string CachePath => Path.Combine(Root, "cache");

    /// <summary>Where the contents of cache mounts are kept.</summary>
    public string MountsPath => Path.Combine(Root, "mounts");

    /// <summary>Where containers are kept.</summary>
    public string ContainersPath => Path.Combine(Root, "containers");

    /// <summary>
    /// A collection could not take place because somebody used the store: whoever ends next makes up for it.
    /// </summary>
    public bool WantsCollection
    {
        get => File.Exists(Path.Combine(Root, "locks", "collect"));
        internal set
        {
            string path = Path.Combine(Root, "locks", "collect");
            try
            {
                if (!value)
                {
                    File.Delete(path);
                }
                else if (!File.Exists(path))
                {
                    File.WriteAllBytes(path, []);
                }
            }
            catch (IOException)
            {
                // No room even for that: whoever prunes next collects anyway.
            }
        }
    }

    /// <summary>Extracted layers.</summary>
    internal SnapshotStore Snapshots { get; }

    /// <summary>Opens a store, makes it when it is missing.</summary>
    /// <exception cref="ContentException">It is of another version, or the directory holds something else.</exception>
    public static Store Open(string root)
    {
        root = Path.GetFullPath(root);
        string format = Path.Combine(root, FormatFile);
        if (!File.Exists(format))
        {
            Create(root, format);
        }

        string found = File.ReadAllText(format);
        if (!string.Equals(found, Format, StringComparison.Ordinal))
        {
            throw new ContentException(
                ContentFailure.UnsupportedStore, $"open store {root}: it has the format \"{found.Trim()}\", not \"{Format.Trim()}\"")
            {
                Hint = "use the version of bld that made it, or another directory with --root",
            };
        }

        var store = new Store(root);
        store._pending.DropUnsynced(store.Tmp);
        return store;
    }

    /// <summary>
    /// Makes everything committed so far survive a loss of power. Called before an image, a push or an export is reported
    /// as done; cheap when nothing is pending.
    /// </summary>
    public void Flush() => _pending.Flush();

    /// <summary>
    /// Says that something is on its way into the store, or relies on what was found there, until disposed: no collection
    /// runs meanwhile. A build holds one from its first look-up to its last commit. Cheap; uses may nest.
    /// </summary>
    public IDisposable Use() => _usage.Begin();

    /// <inheritdoc/>
    public void Dispose()
    {
        Foreign.Dispose();
        _usage.Dispose();
        Snapshots.Dispose();
        Tmp.Dispose();
    }

    /// <summary>The store for a collection, or null while anybody uses it.</summary>
    internal IDisposable? TryUseAlone() => _usage.TryBeginAlone();

    private static void Create(string root, string format)
    {
        try
        {
            Directory.CreateDirectory(root, (UnixFileMode)DirectoryMode);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ContentException(
                ContentFailure.UnsupportedStore, $"make store {root}: {failure.Message}", failure)
            {
                Hint = "choose a writable directory with --root or BLD_ROOT",
            };
        }

        foreach (string entry in Directory.EnumerateFileSystemEntries(root))
        {
            string name = Path.GetFileName(entry);
            if (!s_directories.Contains(name, StringComparer.Ordinal) && !name.StartsWith('.')
                && name is not (FormatFile or "lost+found"))
            {
                throw new ContentException(
                    ContentFailure.UnsupportedStore, $"make store {root}: the directory already holds \"{name}\"")
                {
                    Hint = "choose an empty directory with --root",
                };
            }
        }

        foreach (string directory in s_directories)
        {
            AtCalls.TryMakeDirectory(
                AtCalls.CurrentDirectory, PathEncoding.Encode(Path.Combine(root, directory)), DirectoryMode);
        }

        // The format file comes last: a store without it is not finished, and the next process goes on.
        string temporary = Path.Combine(root, $".{FormatFile}-{Guid.NewGuid():N}");
        File.WriteAllText(temporary, Format);
        TemporaryFiles.Publish(temporary, format, durable: true);
    }
}
