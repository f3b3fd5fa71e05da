// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Solver.Files;

namespace Builder.Executor.Steps;

/// <summary>
/// Puts into a step's plain root what would otherwise be mounted there, and takes it out again without a trace: what
/// stood in the way comes back, directories made for it go, times of directories are what the command left. Directories
/// are held by descriptors; no path is resolved twice. Not thread-safe.
/// </summary>
internal sealed class PlacedEntries : IDisposable
{
    private const int DirectoryMode = 0b111_101_101;
    private const ulong Beneath = Libc.ResolveBeneath | Libc.ResolveNoSymlinks;

    private readonly FileDescriptor _root;
    private readonly FileDescriptor _aside;
    private readonly List<Placed> _placed = [];
    private readonly List<(FileDescriptor Parent, byte[] Name, ulong Inode)> _made = [];
    private readonly Dictionary<ulong, Touched> _touched = [];
    private readonly HashSet<ulong> _inodes = [];
    private readonly HashSet<string> _claimed = new(StringComparer.Ordinal);

    /// <summary>Works on a root.</summary>
    /// <param name="root">The root, held.</param>
    /// <param name="aside">An empty directory on the same file system, for what stands in the way; taken over.</param>
    public PlacedEntries(FileDescriptor root, FileDescriptor aside)
    {
        _root = root;
        _aside = aside;
    }

    /// <summary>Inodes of everything that was placed: none of them belongs into a layer.</summary>
    public IReadOnlySet<ulong> Inodes => _inodes;

    /// <summary>True the first time that a path is asked for.</summary>
    public bool Claims(string path) => _claimed.Add(path);

    /// <summary>Makes something new at a path.</summary>
    /// <param name="path">Absolute, without links in it.</param>
    /// <param name="make">Makes it, given the directory and the name.</param>
    public void Place(string path, Action<int, byte[]> make) => Place(path, make, keptAt: null);

    /// <summary>Moves a file or directory of the same file system to a path.</summary>
    /// <param name="path">Absolute, without links in it.</param>
    /// <param name="source">What.</param>
    /// <param name="isKept">It goes back to where it came from; else it is removed.</param>
    public void Move(string path, string source, bool isKept) => Place(
        path,
        (directory, name) => AtCalls.Rename(
            AtCalls.CurrentDirectory, PathEncoding.Encode(source), directory, name),
        isKept ? source : null);

    /// <summary>
    /// Says that all is in place: directories get their times back, and what changes from now on is the command's doing.
    /// </summary>
    public void Seal()
    {
        foreach (Touched touched in _touched.Values)
        {
            AtCalls.SetModificationTime(
                touched.Directory.Value, [], touched.Before.Seconds, (int)touched.Before.Nanoseconds);
        }
    }

    /// <summary>Takes everything out again; the command and all it started must be gone. Once.</summary>
    public void TakeOut()
    {
        foreach (Touched touched in _touched.Values)
        {
            touched.Final = AtCalls.Stat(touched.Directory.Value, []).Modification;
        }

        for (int i = _placed.Count - 1; i >= 0; i--)
        {
            TakeOut(_placed[i]);
        }

        for (int i = _made.Count - 1; i >= 0; i--)
        {
            RemoveMade(_made[i].Parent, _made[i].Name, _made[i].Inode);
        }

        foreach (Touched touched in _touched.Values)
        {
            AtCalls.SetModificationTime(
                touched.Directory.Value, [], touched.Final.Seconds, (int)touched.Final.Nanoseconds);
        }

        _placed.Clear();
        _made.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Placed placed in _placed)
        {
            placed.Held.Dispose();
        }

        foreach (Touched touched in _touched.Values)
        {
            touched.Directory.Dispose();
        }

        _aside.Dispose();
    }

    private void Place(string path, Action<int, byte[]> make, string? keptAt)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0)
        {
            throw new SandboxException("mount on /: the root itself cannot be covered on this rung");
        }

        FileDescriptor parent = OpenParent(path, names[..^1]);
        byte[] name = PathEncoding.Encode(names[^1]);
        byte[]? moved = null;
        if (AtCalls.TryStat(parent.Value, name, out _))
        {
            moved = Encoding.ASCII.GetBytes(_placed.Count.ToString(CultureInfo.InvariantCulture));
            AtCalls.Rename(parent.Value, name, _aside.Value, moved);
        }

        make(parent.Value, name);
        FileStatus status = AtCalls.Stat(parent.Value, name);
        _inodes.Add(status.Inode);
        _placed.Add(new Placed(
            parent, name, status.Inode, moved, keptAt, AtCalls.Open(parent.Value, name, OpenFlags.Path | OpenFlags.NoFollow)));
    }

    private FileDescriptor OpenParent(string path, string[] names)
    {
        FileDescriptor current = Touch(AtCalls.Open(_root.Value, "."u8, OpenFlags.DirectoryRead));
        foreach (string text in names)
        {
            byte[] name = PathEncoding.Encode(text);
            bool isMade = AtCalls.TryMakeDirectory(current.Value, name, DirectoryMode);
            int opened = AtCalls.RawOpenResolved(
                current.Value, name, OpenFlags.ReadOnly | OpenFlags.Directory, Beneath);
            if (opened < 0)
            {
                throw AtCalls.LastError() == Errno.ENOTDIR
                    ? new SandboxException($"mount on {path}: a file stands in the way")
                    : AtCalls.Failure("open", current.Value, name);
            }

            var next = new FileDescriptor(opened);
            if (isMade)
            {
                AtCalls.Chmod(next.Value, [], DirectoryMode);
                _made.Add((current, name, AtCalls.Stat(next.Value, []).Inode));
            }

            if (isMade)
            {
                AtCalls.SetModificationTime(next.Value, [], 0, 0); // seen inside: it must not differ from run to run
            }

            current = Touch(next);
        }

        return current;
    }

    // One descriptor for each directory, whatever is placed in it.
    private FileDescriptor Touch(FileDescriptor directory)
    {
        FileStatus status = AtCalls.Stat(directory.Value, []);
        if (_touched.TryGetValue(status.Inode, out Touched? known))
        {
            directory.Dispose();
            return known.Directory;
        }

        _touched.Add(status.Inode, new Touched(directory, status.Modification));
        return directory;
    }

    private void TakeOut(Placed placed)
    {
        if (placed.KeptAt is not null)
        {
            Return(placed);
        }

        // The command may have put something else in its place; as a mount point it could not have.
        FileTreeRemover.Remove(placed.Parent.Value, placed.Name);
        if (placed.Aside is not null)
        {
            AtCalls.Rename(_aside.Value, placed.Aside, placed.Parent.Value, placed.Name);
        }

        placed.Held.Dispose();
    }

    // Wherever the command has moved it: the kernel knows its path.
    private static void Return(Placed placed)
    {
        byte[] link = Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{placed.Held.Value}"));
        byte[] path = AtCalls.ReadLink(AtCalls.CurrentDirectory, link);
        byte[] target = PathEncoding.Encode(placed.KeptAt!);
        if (!AtCalls.TryStat(AtCalls.CurrentDirectory, path, out FileStatus status) || status.Inode != placed.Inode
            || !AtCalls.RawRename(AtCalls.CurrentDirectory, path, AtCalls.CurrentDirectory, target, 0))
        {
            AtCalls.TryMakeDirectory(AtCalls.CurrentDirectory, target, DirectoryMode); // it was deleted: empty from now on
        }
    }

    private static void RemoveMade(FileDescriptor parent, byte[] name, ulong inode)
    {
        if (!AtCalls.TryStat(parent.Value, name, out FileStatus status) || status.Inode != inode)
        {
            return;
        }

        try
        {
            AtCalls.TryRemoveDirectory(parent.Value, name);
        }
        catch (LinuxException failure) when (failure.Errno == Errno.ENOTEMPTY)
        {
            // The command put something there: the directory is its own now.
        }
    }

    /// <param name="Parent">The directory it is in.</param>
    /// <param name="Name">Its name there.</param>
    /// <param name="Inode">Of what was placed.</param>
    /// <param name="Aside">Under which name what stood in the way waits.</param>
    /// <param name="KeptAt">Where it goes back to.</param>
    /// <param name="Held">What was placed.</param>
    private sealed record Placed(
        FileDescriptor Parent, byte[] Name, ulong Inode, byte[]? Aside, string? KeptAt, FileDescriptor Held);

    private sealed class Touched(FileDescriptor directory, FileTime before)
    {
        public FileDescriptor Directory { get; } = directory;

        public FileTime Before { get; } = before;

        public FileTime Final { get; set; } = before;
    }
}
