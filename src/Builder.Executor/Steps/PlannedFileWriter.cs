// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>Makes the files of a plan on disk, each with its metadata. Thread-safe for different files.</summary>
internal sealed class PlannedFileWriter
{
    private const int NewFileMode = 0b110_000_000;

    private readonly LayerPlan _plan;
    private readonly OwnerStore _owners;
    private readonly int _root;
    private readonly LayerSharing? _sharing;

    /// <summary>Creates a writer below an open directory in which the plan's directories are.</summary>
    public PlannedFileWriter(LayerPlan plan, OwnerStore owners, int root, LayerSharing? sharing)
    {
        _plan = plan;
        _owners = owners;
        _root = root;
        _sharing = sharing;
    }

    /// <summary>Gives something that is on disk its owner, mode, attributes and time, in the order that keeps them.</summary>
    public static void Finish(OwnerStore owners, int directory, ReadOnlySpan<byte> name, FileNode node)
    {
        owners.Apply(
            directory, name, new RecordedAttributes(node.Kind, node.Mode, node.UserId, node.GroupId));
        foreach (ExtendedAttribute attribute in node.Xattrs)
        {
            Xattrs.Set(directory, name, attribute.Name, attribute.Value.AsSpan());
        }

        AtCalls.SetModificationTime(directory, name, node.ModifiedSeconds, node.ModifiedNanoseconds);
    }

    /// <summary>Writes one piece and leaves its bytes in the buffer; makes what is no regular file.</summary>
    public void Copy(CopyPiece piece, Span<byte> buffer)
    {
        LayerPlanEntry entry = _plan.Entries[piece.Entry];
        byte[] path = PathEncoding.Encode(entry.Path);
        if (entry.Node.Kind != FileKind.Regular)
        {
            MakeSpecial(path, entry.Node);
        }
        else if (piece.File is { } large)
        {
            CopyPart(path, piece, large, buffer);
        }
        else
        {
            CopyWhole(piece.Entry, path, buffer);
        }
    }

    private void CopyWhole(int index, byte[] path, Span<byte> buffer)
    {
        LayerPlanEntry entry = _plan.Entries[index];
        if (_sharing?.TryLink(index, _root, path) is { } linked)
        {
            using var reader = ContentReader.Of(entry.Path, linked);
            reader.Read(0, buffer, isLast: false);
            return;
        }

        using (var source = ContentReader.Open(entry.Path, entry.Content))
        {
            source.Read(0, buffer, isLast: true);
        }

        using FileDescriptor target = Create(path);
        if (!buffer.IsEmpty)
        {
            WriteAll(target.Value, buffer);
        }

        Finish(_owners, target.Value, [], entry.Node);
    }

    private void CopyPart(byte[] path, CopyPiece piece, LargeFileCopy file, Span<byte> buffer)
    {
        LayerPlanEntry entry = _plan.Entries[piece.Entry];
        ContentReader source = file.Open(() => OpenLarge(piece.Entry, path));
        source.Read(piece.Offset, buffer, isLast: piece.Offset + piece.Length == entry.Node.Size);
        if (file.Target is { } target && !file.IsCloned)
        {
            RandomAccess.Write(target, buffer, piece.Offset);
        }

        if (file.Finish(piece.Length))
        {
            if (file.Target is { } whole)
            {
                Finish(_owners, (int)whole.DangerousGetHandle(), [], entry.Node);
            }

            file.Dispose();
        }
    }

    private (ContentReader Source, SafeFileHandle? Target, bool IsCloned) OpenLarge(int index, byte[] path)
    {
        LayerPlanEntry entry = _plan.Entries[index];
        if (_sharing?.TryLink(index, _root, path) is { } linked)
        {
            return (ContentReader.Of(entry.Path, linked), null, false);
        }

        var source = ContentReader.Open(entry.Path, entry.Content);
        FileDescriptor target = Create(path);
        bool isCloned = source.Handle is { } handle
            && Libc.IoctlInteger(target.Value, Libc.IoctlClone, handle.DangerousGetHandle()) == 0;
        return (source, target.Release(), isCloned);
    }

    private void MakeSpecial(byte[] path, FileNode node)
    {
        if (node.Kind == FileKind.Symlink)
        {
            AtCalls.Symlink(PathEncoding.Encode(node.LinkTarget ?? ""), _root, path);
            Finish(_owners, _root, path, node);
            return;
        }

        _owners.MakeNode(
            _root,
            path,
            new RecordedAttributes(node.Kind, node.Mode, node.UserId, node.GroupId, node.DeviceMajor, node.DeviceMinor));
        AtCalls.SetModificationTime(_root, path, node.ModifiedSeconds, node.ModifiedNanoseconds);
    }

    private FileDescriptor Create(byte[] path) => AtCalls.Open(
        _root, path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, NewFileMode);

    private static unsafe void WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            int written = 0;
            while (written < bytes.Length)
            {
                nint count = Libc.Write(descriptor, start + written, (nuint)(bytes.Length - written));
                if (count < 0 && AtCalls.LastError() != Errno.EINTR)
                {
                    throw AtCalls.Failure("write", descriptor, []);
                }

                written += (int)Math.Max(count, 0);
            }
        }
    }
}
