// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>
/// A layer written before, as a source of files: where one has the same bytes and metadata as a planned file, a hard
/// link to it saves writing. Snapshots never change, so sharing is safe. Thread-safe.
/// </summary>
internal sealed class EarlierLayer : IDisposable
{
    private readonly FileDescriptor _root;
    private readonly CopiedFiles _files;

    /// <summary>Opens a snapshot together with what is recorded of its files.</summary>
    public EarlierLayer(string snapshotDirectory, CopiedFiles files)
    {
        _root = AtCalls.Open(snapshotDirectory, OpenFlags.Path | OpenFlags.Directory);
        _files = files;
    }

    /// <summary>
    /// Makes <paramref name="path"/> below <paramref name="directory"/> another name of the earlier layer's file of the same
    /// path and opens it; null when no file like that was recorded, or it cannot be linked.
    /// </summary>
    public SafeFileHandle? TryLink(UInt128 key, long size, int directory, byte[] path)
    {
        if (!_files.Has(key))
        {
            return null;
        }

        try
        {
            AtCalls.Link(_root.Value, path, directory, path);
        }
        catch (LinuxException exception) when (exception.Errno is Errno.EMLINK or Errno.ENOENT or Errno.EPERM or Errno.EXDEV)
        {
            return null;
        }

        FileDescriptor file = Open(directory, path);
        FileStatus status = AtCalls.Stat(file.Value, []);
        if (status.IsRegular && status.Size == size)
        {
            return file.Release();
        }

        file.Dispose();
        AtCalls.TryUnlink(directory, path);
        return null;
    }

    private static FileDescriptor Open(int directory, byte[] path)
    {
        int flags = OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock;
        int descriptor = AtCalls.RawOpen(directory, path, flags | OpenFlags.NoAccessTime, 0); // only the owner may
        return descriptor >= 0 ? new FileDescriptor(descriptor) : AtCalls.Open(directory, path, flags);
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();
}
