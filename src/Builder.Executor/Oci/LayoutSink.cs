// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;

namespace Builder.Executor.Oci;

/// <summary>Where the files of a layout go. Files come in ascending order of their paths.</summary>
internal abstract class LayoutSink
{
    private protected const int FileMode = 0b110_100_100;
    private protected const int DirectoryMode = 0b111_101_101;
    private protected const int CopyBytes = 1024 * 1024;

    /// <summary>Writes a file from bytes.</summary>
    public void Add(string path, ReadOnlySpan<byte> content) => Add(path, new MemoryStream(content.ToArray()), content.Length);

    /// <summary>Writes a file from a stream that gives exactly <paramref name="size"/> bytes.</summary>
    public abstract void Add(string path, Stream content, long size);

    /// <summary>What a file of the target holds already, or null.</summary>
    public virtual byte[]? TryRead(string path) => null;

    /// <summary>True when the target holds the file already: a blob, which cannot differ.</summary>
    public virtual bool Contains(string path) => false;

    /// <summary>Ends; what was written is complete.</summary>
    public abstract void Finish();
}

/// <summary>A layout in one tar.</summary>
internal sealed class TarLayoutSink : LayoutSink
{
    private readonly LayerTarWriter _tar;
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);

    /// <summary>Writes to <paramref name="output"/>, which stays open.</summary>
    public TarLayoutSink(Stream output)
    {
        _tar = new LayerTarWriter(output);
    }

    /// <inheritdoc/>
    public override void Add(string path, Stream content, long size)
    {
        for (int slash = path.IndexOf('/'); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            if (_directories.Add(path[..slash]))
            {
                _tar.WriteEntry(new LayerEntry
                {
                    Path = PathEncoding.Encode(path[..slash]),
                    Kind = FileKind.Directory,
                    Mode = DirectoryMode,
                });
            }
        }

        _tar.WriteEntry(new LayerEntry
        {
            Path = PathEncoding.Encode(path),
            Kind = FileKind.Regular,
            Mode = FileMode,
            Size = size,
        });
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        long left = size;
        int count;
        while ((count = content.Read(buffer)) > 0)
        {
            left -= count;
            if (left < 0)
            {
                break;
            }

            _tar.WriteContent(buffer.AsSpan(0, count));
        }

        ArrayPool<byte>.Shared.Return(buffer);
        if (left != 0)
        {
            throw new ContentException(
                ContentFailure.SizeMismatch, $"export {path}: the content does not have the expected {size} bytes");
        }
    }

    /// <inheritdoc/>
    public override void Finish() => _tar.Finish();
}

/// <summary>A layout in a directory; other images in it stay.</summary>
internal sealed class DirectoryLayoutSink : LayoutSink
{
    private readonly string _directory;

    /// <summary>Writes below <paramref name="directory"/>, which is made when it is missing.</summary>
    public DirectoryLayoutSink(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
    }

    /// <inheritdoc/>
    public override void Add(string path, Stream content, long size)
    {
        string target = Path.Combine(_directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        string temporary = $"{target}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var file = new DescriptorStream(
                AtCalls.Open(temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode), true))
            {
                content.CopyTo(file, CopyBytes);
                if (file.Length != size)
                {
                    throw new ContentException(
                        ContentFailure.SizeMismatch, $"export {path}: the content does not have the expected {size} bytes");
                }

                file.Sync();
            }

            TemporaryFiles.Publish(temporary, target, durable: false);
        }
        finally
        {
            AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(temporary));
        }
    }

    /// <inheritdoc/>
    public override byte[]? TryRead(string path)
    {
        string target = Path.Combine(_directory, path);
        return File.Exists(target) ? File.ReadAllBytes(target) : null;
    }

    /// <inheritdoc/>
    public override bool Contains(string path) => File.Exists(Path.Combine(_directory, path));

    /// <inheritdoc/>
    public override void Finish() => TemporaryFiles.SyncDirectory(_directory);
}
