// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Images;
using Builder.Executor.Snapshots;

namespace Builder.Executor.Content;

/// <summary>
/// The directory that holds everything bld keeps. Opening it changes nothing but missing directories; several processes
/// may use one store at once. Thread-safe.
/// </summary>
public sealed class Store : IDisposable
{
    private Store(string root)
    {
        Root = root;
    }

    /// <summary>The directory, absolute.</summary>
    public string Root { get; }

    /// <summary>Manifests, configs and layers by digest.</summary>
    public BlobStore Blobs => throw new NotImplementedException();

    /// <summary>Names of images.</summary>
    public ReferenceStore References => throw new NotImplementedException();

    /// <summary>Which blobs hold which layers.</summary>
    public LayerIndex Layers => throw new NotImplementedException();

    /// <summary>Images.</summary>
    public ImageStore Images => throw new NotImplementedException();

    /// <summary>Locks between processes.</summary>
    public StoreLocks Locks => throw new NotImplementedException();

    /// <summary>This process' own temporary directory in the store, swept when the process is gone.</summary>
    public TemporaryFiles Tmp => throw new NotImplementedException();

    /// <summary>Extracted layers.</summary>
    internal SnapshotStore Snapshots => throw new NotImplementedException();

    /// <summary>Where step records are kept.</summary>
    public string CachePath => Path.Combine(Root, "cache");

    /// <summary>Where the contents of cache mounts are kept.</summary>
    public string MountsPath => Path.Combine(Root, "mounts");

    /// <summary>Where containers are kept.</summary>
    public string ContainersPath => Path.Combine(Root, "containers");

    /// <summary>Opens a store, makes it when it is missing.</summary>
    /// <exception cref="ContentException">It is of another version.</exception>
    public static Store Open(string root) => new(root);

    /// <summary>
    /// Makes everything committed so far survive a loss of power. Called before an image, a push or an export is reported
    /// as done; cheap when nothing is pending.
    /// </summary>
    public void Flush() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
