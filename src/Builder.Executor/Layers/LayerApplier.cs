// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>What applying a layer found.</summary>
/// <param name="NeedsParent">The result depends on what lies below: the layer leaves directories out, goes through links
/// of lower layers, or links to their files.</param>
/// <param name="ContentBytes">The sum of the lengths of its files.</param>
internal readonly record struct ApplyResult(bool NeedsParent, long ContentBytes);

/// <summary>
/// Unpacks a layer's tar into its own directory, in overlayfs' form. Every place is reached by walking open directories
/// from the layer's root; links are followed inside the root only, and nothing is ever written through one. Not
/// thread-safe.
/// </summary>
internal sealed class LayerApplier : IDisposable
{
    private const int CopyBytes = 256 * 1024;

    private readonly LayerDirectory _target;
    private readonly LayerPathResolver _resolver;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);

    /// <summary>Unpacks into a directory.</summary>
    /// <param name="target">The layer's directory.</param>
    /// <param name="below">What lies below, asked for only when the layer needs it; null for nothing.</param>
    public LayerApplier(LayerDirectory target, Func<IFileTree?>? below)
    {
        _target = target;
        _resolver = new LayerPathResolver(target, below);
    }

    /// <summary>Unpacks all of a tar and reads its stream to the end.</summary>
    /// <exception cref="ContentException">The tar is malformed or demands something impossible.</exception>
    public ApplyResult Apply(Stream tar, CancellationToken cancellationToken)
    {
        var reader = new LayerTarReader(tar);
        long contentBytes = 0;
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ApplyEntry(entry, reader);
            contentBytes += entry.HasContent ? entry.Size : 0;
        }

        reader.Drain();
        _target.FinishDirectories();
        return new ApplyResult(_resolver.NeedsParent, contentBytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _resolver.Dispose();
    }

    private static ContentException Malformed(LayerEntry entry, string what) =>
        new(ContentFailure.Malformed, $"unpack layer entry \"{PathEncoding.Decode(entry.Path)}\": {what}");

    private void ApplyEntry(LayerEntry entry, LayerTarReader reader)
    {
        if (entry.Path.Length == 0)
        {
            if (entry.Kind != FileKind.Directory)
            {
                throw Malformed(entry, "the root is a directory");
            }

            _target.MakeDirectory(_target.Root.Value, [], entry);
            return;
        }

        byte[] name = RootedPath.Name(entry.Path).ToArray();
        if (name.AsSpan().StartsWith(Whiteout.Prefix))
        {
            ApplyWhiteout(entry, name);
            return;
        }

        if (RootedPath.Parent(entry.Path).IndexOf(Whiteout.MetaPrefix) >= 0)
        {
            return;
        }

        LayerPlace place = _resolver.Resolve(entry.Path);
        MakeRoom(place, entry);
        LayerEntry placed = entry with { Path = place.FullPath };
        if (entry.HardLinkTo is not null)
        {
            Link(place, entry);
            return;
        }

        switch (entry.Kind)
        {
            case FileKind.Directory:
                _target.MakeDirectory(place.Directory, place.Name, placed);
                break;
            case FileKind.Regular:
                using (FileDescriptor file = LayerDirectory.CreateFile(place.Directory, place.Name))
                {
                    WriteContent(file, entry, reader);
                }

                _target.FinishFile(place.Directory, place.Name, placed);
                break;
            case FileKind.Symlink:
                if (entry.LinkTarget is null or { Length: 0 })
                {
                    throw Malformed(entry, "a symbolic link without text");
                }

                _target.MakeSymlink(place.Directory, place.Name, placed);
                break;
            default:
                _target.MakeNode(place.Directory, place.Name, placed);
                break;
        }
    }

    private void ApplyWhiteout(LayerEntry entry, byte[] name)
    {
        byte[] directory = RootedPath.Parent(entry.Path).ToArray();
        if (name.AsSpan().SequenceEqual(Whiteout.OpaqueName))
        {
            if (directory.Length == 0)
            {
                // The root: everything below is hidden.
                _resolver.MarkOpaque([], _target.Root.Value, "."u8);
                return;
            }

            LayerPlace opaque = _resolver.Resolve(directory);
            if (!LayerPathResolver.TryEnter(opaque))
            {
                _resolver.MakeMissingDirectory(opaque);
            }

            _resolver.MarkOpaque(opaque.FullPath, opaque.Directory, opaque.Name);
            return;
        }

        if (name.AsSpan().StartsWith(Whiteout.MetaPrefix))
        {
            return;
        }

        byte[] hidden = name[Whiteout.Prefix.Length..];
        if (hidden.Length == 0 || hidden.AsSpan().SequenceEqual("."u8) || hidden.AsSpan().SequenceEqual(".."u8))
        {
            throw Malformed(entry, "a whiteout of no name");
        }

        LayerPlace place = _resolver.Resolve(directory.Length == 0 ? hidden : [.. directory, (byte)'/', .. hidden]);
        if (!AtCalls.TryStat(place.Directory, place.Name, out FileStatus status))
        {
            Whiteout.Make(place.Directory, place.Name);
        }
        else if (status.IsDirectory)
        {
            // A whiteout hides lower layers only: what this layer has put there stays, by itself.
            _resolver.MarkOpaque(place.FullPath, place.Directory, place.Name);
        }
    }

    /// <summary>Removes what an entry replaces: nothing is ever written into an existing file.</summary>
    private void MakeRoom(LayerPlace place, LayerEntry entry)
    {
        if (!AtCalls.TryStat(place.Directory, place.Name, out FileStatus status))
        {
            return;
        }

        bool wasDirectory = status.IsDirectory;
        if (wasDirectory && entry.Kind == FileKind.Directory)
        {
            return;
        }

        if (wasDirectory)
        {
            _target.ForgetTimes(PathEncoding.Decode(place.FullPath));
        }

        FileTreeRemover.Remove(place.Directory, place.Name);
        if (entry.Kind == FileKind.Directory && status.IsWhiteout)
        {
            _target.MakeDirectory(place.Directory, place.Name, entry with { Path = place.FullPath });
            _resolver.MarkOpaque(place.FullPath, place.Directory, place.Name);
        }
    }

    private void Link(LayerPlace place, LayerEntry entry)
    {
        if (entry.HardLinkTo is not { Length: > 0 } target)
        {
            throw Malformed(entry, "a hard link to the root");
        }

        // Resolving the target may open other directories: the place is held by number, so its descriptor must stay.
        using FileDescriptor directory = AtCalls.Open(place.Directory, "."u8, OpenFlags.DirectoryPath);
        LayerPlace source = _resolver.Resolve(target);
        if (!AtCalls.TryStat(source.Directory, source.Name, out FileStatus status) || status.IsWhiteout)
        {
            if (status.IsWhiteout || !_resolver.CopyUp(source, _target, _buffer))
            {
                throw Malformed(entry, $"the target of the hard link, \"{PathEncoding.Decode(target)}\", does not exist");
            }
        }
        else if (status.IsDirectory)
        {
            throw Malformed(entry, "a hard link to a directory");
        }

        AtCalls.Link(source.Directory, source.Name, directory.Value, place.Name);
    }

    private void WriteContent(FileDescriptor file, LayerEntry entry, LayerTarReader reader)
    {
        if (reader.SparseRegions is { } regions)
        {
            foreach (SparseRegion region in regions)
            {
                RandomAccessWriter.Copy(file, region.Offset, region.Length, reader.ReadContent, _buffer);
            }

            RandomAccessWriter.SetLength(file, entry.Size);
            return;
        }

        RandomAccessWriter.Copy(file, 0, entry.Size, reader.ReadContent, _buffer);
    }
}
