// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Operations;

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

    /// <summary>Makes <paramref name="path"/> below <paramref name="directory"/> another name of the earlier layer's file of
    /// the same path, when it equals what is planned; false when it does not, or cannot be linked.</summary>
    public bool TryLink(LayerPlanEntry entry, int directory, byte[] path)
    {
        if (CopiedFiles.KeyOf(entry) is not { } wanted || !_files.Has(wanted))
        {
            return false;
        }

        try
        {
            AtCalls.Link(_root.Value, path, directory, path);
        }
        catch (LinuxException exception) when (exception.Errno is Errno.EMLINK or Errno.ENOENT or Errno.EPERM or Errno.EXDEV)
        {
            return false;
        }

        FileStatus status = AtCalls.Stat(directory, path);
        if (status.IsRegular && status.Size == entry.Node.Size)
        {
            return true;
        }

        AtCalls.TryUnlink(directory, path);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();
}
