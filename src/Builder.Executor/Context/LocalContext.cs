// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Executor.Interop;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>
/// A directory of this machine as a build context: ignored files are not there, everything belongs to 0:0. Each directory
/// is read once, so that a build sees one state of it; a file that changes afterwards is an error, not a mixture. Paths
/// are opened below the root with every symbolic link refused: links are resolved by the text of their targets, inside
/// the root. Thread-safe.
/// </summary>
internal sealed class LocalContext : IFileTree, IFileHandleSource, IDisposable
{
    private const ulong Inside = Libc.ResolveBeneath | Libc.ResolveNoSymlinks | Libc.ResolveNoMagicLinks;

    private readonly FileDescriptor _root;
    private readonly FileNode _rootNode;
    private readonly IgnoreMatcher _ignore;
    private readonly string _ignoreName;
    private readonly ContentIndex? _index;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, Lazy<DirectoryListing>> _listings = new(StringComparer.Ordinal);

    // Directories as they were asked for, and where their links lead.
    private readonly ConcurrentDictionary<string, (string Path, DirectoryListing? Listing)> _places = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<Task> _readingAhead = [];
    private volatile bool _isDisposed;

    /// <summary>Opens a directory.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="ignore">What is left out.</param>
    /// <param name="ignoreName">The name of the ignore file, for messages.</param>
    /// <param name="index">Remembered digests, or null for a directory that is read once.</param>
    /// <param name="time">The clock of the machine.</param>
    /// <exception cref="ContextException">It is missing or no directory.</exception>
    public LocalContext(string path, IgnoreMatcher ignore, string ignoreName, ContentIndex? index, TimeProvider time)
    {
        Location = path;
        _ignore = ignore;
        _ignoreName = ignoreName;
        _index = index;
        _time = time;
        try
        {
            _root = AtCalls.Open(path, OpenFlags.Path | OpenFlags.Directory);
        }
        catch (LinuxException exception)
        {
            throw new ContextException(
                exception.Errno is Errno.ENOENT or Errno.ENOTDIR ? ContextFailure.NotFound : ContextFailure.Unreadable,
                $"open build context \"{path}\": {ErrnoText.Describe(exception.Errno)}", exception);
        }

        _rootNode = ToNode("", AtCalls.Stat(_root.Value, []));
    }

    /// <summary>The directory as given.</summary>
    public string Location { get; }

    /// <inheritdoc/>
    public string? Identity => null;

    /// <inheritdoc/>
    public FileNode? Find(string path)
    {
        if (path.Length == 0)
        {
            return _rootNode;
        }

        string directory = TreePath.Resolve(TreePath.Directory(path), FindPlain);
        return FindPlain(TreePath.Join(directory, TreePath.Name(path)));
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileNode> List(string directory) =>
        Listing(TreePath.Resolve(directory, FindPlain))?.Nodes ?? [];

    /// <inheritdoc/>
    public Stream Open(string path) => new FileStream(OpenHandle(path), FileAccess.Read, bufferSize: 0);

    /// <inheritdoc/>
    public SafeFileHandle OpenHandle(string path)
    {
        (DirectoryListing listing, int index, string real) = Locate(path);
        return OpenUnchanged(real, listing.Stamp(index)).Release();
    }

    /// <inheritdoc/>
    public Digest ContentDigest(string path)
    {
        (DirectoryListing listing, int index, string real) = Locate(path);
        if (listing.FindDigest(index) is { } known)
        {
            return known;
        }

        FileStamp stamp = listing.Stamp(index);
        DateTimeOffset readAt = _time.GetUtcNow();
        Digest digest;
        using (FileDescriptor file = OpenUnchanged(real, stamp))
        {
            digest = FileHash.Compute(file.Value, stamp.Size);
            if (FileStamp.From(AtCalls.Stat(file.Value, [])) != stamp)
            {
                throw Changed(real);
            }
        }

        listing.SetDigest(index, digest);
        _index?.Add(stamp, new KnownContent(digest, !listing.Nodes[index].Xattrs.IsEmpty), readAt);
        return digest;
    }

    /// <inheritdoc/>
    public void ReadAhead(string directory)
    {
        if (Environment.ProcessorCount > 1)
        {
            _readingAhead.Add(Task.Run(() => ReadBackwards(directory)));
        }
    }

    /// <inheritdoc/>
    public Absence? ExplainAbsence(string path)
    {
        if (_ignore.IsEmpty || path.Length == 0 || !Exists(path))
        {
            return null;
        }

        for (string current = path; current.Length > 0; current = TreePath.Directory(current))
        {
            if (_ignore.IsIgnored(current) && _ignore.DecidingLine(current) is { } line)
            {
                return Absence.ByIgnoreFile(_ignoreName, line);
            }
        }

        return null;
    }

    /// <summary>Writes what was learnt about the files into the index.</summary>
    public void SaveIndex() => _index?.Save();

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        Task.WaitAll([.. _readingAhead]);
        SaveIndex();
        _root.Dispose();
    }

    private FileNode? FindPlain(string path)
    {
        if (path.Length == 0)
        {
            return _rootNode;
        }

        DirectoryListing? listing = Listing(TreePath.Directory(path));
        int index = listing?.IndexOf(TreePath.Name(path)) ?? -1;
        return index < 0 ? null : listing!.Nodes[index];
    }

    private (DirectoryListing Listing, int Index, string Path) Locate(string path)
    {
        int slash = path.LastIndexOf('/');
        ConcurrentDictionary<string, (string Path, DirectoryListing? Listing)>.AlternateLookup<ReadOnlySpan<char>> known =
            _places.GetAlternateLookup<ReadOnlySpan<char>>();
        ReadOnlySpan<char> written = path.AsSpan(0, Math.Max(slash, 0));
        if (!known.TryGetValue(written, out (string Path, DirectoryListing? Listing) place))
        {
            string real = TreePath.Resolve(written.ToString(), FindPlain);
            place = (real, Listing(real));
            known[written] = place;
        }

        string name = path[(slash + 1)..];
        int index = place.Listing?.IndexOf(name) ?? -1;
        return index >= 0 && place.Listing!.Nodes[index].Kind == FileKind.Regular
            ? (place.Listing, index, slash >= 0 && written.SequenceEqual(place.Path) ? path : TreePath.Join(place.Path, name))
            : throw new ContextException(
                ContextFailure.NotFound, $"read \"{path}\" of build context \"{Location}\": no such file");
    }

    /// <summary>The listing of a directory whose path has no links; null when there is no directory.</summary>
    private DirectoryListing? Listing(string path)
    {
        if (_listings.TryGetValue(path, out Lazy<DirectoryListing>? known))
        {
            return known.Value;
        }

        if (path.Length > 0 && FindPlain(path) is not { Kind: FileKind.Directory })
        {
            return null;
        }

        return _listings.GetOrAdd(path, static (key, self) => new(() => self.Read(key)), this).Value;
    }

    // From the end, so that it and the reader that it helps meet in the middle.
    private void ReadBackwards(string directory)
    {
        try
        {
            IReadOnlyList<FileNode> nodes = List(directory);
            for (int i = nodes.Count - 1; i >= 0 && !_isDisposed; i--)
            {
                if (nodes[i].Kind == FileKind.Directory)
                {
                    ReadBackwards(TreePath.Join(directory, nodes[i].Name));
                }
            }
        }
        catch (BuildException)
        {
            // the reader that needs the directory meets it, too
        }
    }

    private DirectoryListing Read(string path)
    {
        IgnoreScope scope = default;
        if (path.Length > 0 && !_ignore.IsEmpty)
        {
            scope = _ignore.Enter(path, Listing(TreePath.Directory(path))!.Scope);
        }

        using FileDescriptor directory = OpenInside(path, OpenFlags.DirectoryRead);
        var reader = new ContextDirectoryReader(directory.Value, path, _ignore, scope, _index);
        return reader.Read(below => ReadBelow(path, below, scope));
    }

    /// <summary>True when an ignored directory holds something that is let in.</summary>
    private bool ReadBelow(string path, string name, in IgnoreScope parent)
    {
        string directory = TreePath.Join(path, name);
        IgnoreScope scope = _ignore.Enter(directory, parent);
        if (!_ignore.MayIncludeBelow(directory, scope))
        {
            return false;
        }

        using FileDescriptor opened = OpenInside(directory, OpenFlags.DirectoryRead);
        var reader = new ContextDirectoryReader(opened.Value, directory, _ignore, scope, _index);
        IgnoreScope inner = scope;
        DirectoryListing listing = reader.Read(below => ReadBelow(directory, below, inner));
        _listings.TryAdd(directory, new Lazy<DirectoryListing>(() => listing));
        return listing.Nodes.Count > 0;
    }

    private bool Exists(string path)
    {
        int descriptor = AtCalls.RawOpenResolved(
            _root.Value, PathEncoding.Encode(path), OpenFlags.Path | OpenFlags.NoFollow, Libc.ResolveInRoot | Libc.ResolveNoMagicLinks);
        if (descriptor < 0)
        {
            return false;
        }

        Libc.Close(descriptor);
        return true;
    }

    private FileDescriptor OpenUnchanged(string path, in FileStamp stamp)
    {
        FileDescriptor file = OpenInside(path, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlock);
        if (FileStamp.From(AtCalls.Stat(file.Value, [])) == stamp)
        {
            return file;
        }

        file.Dispose();
        throw Changed(path);
    }

    private FileDescriptor OpenInside(string path, int flags)
    {
        byte[] name = PathEncoding.Encode(path);
        int descriptor = AtCalls.RawOpenResolved(_root.Value, name.Length == 0 ? "."u8 : name, flags, Inside);
        if (descriptor >= 0)
        {
            return new FileDescriptor(descriptor);
        }

        Errno errno = AtCalls.LastError();
        throw errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.EXDEV
            ? Changed(path)
            : new ContextException(
                ContextFailure.Unreadable, $"read \"{path}\" of build context \"{Location}\": {ErrnoText.Describe(errno)}")
            {
                Hint = errno == Errno.EACCES ? "exclude it in .dockerignore, or make it readable" : null,
            };
    }

    private ContextException Changed(string path) => new(
        ContextFailure.Changed, $"read \"{path}\" of build context \"{Location}\": it changed during the build")
    {
        Hint = "build again when nothing writes to the context, or exclude the file in .dockerignore",
    };

    internal static FileNode ToNode(string name, in FileStatus status) => new()
    {
        Name = name,
        Kind = status.Kind,
        Mode = status.Permissions,
        UserId = 0,
        GroupId = 0,
        Size = status.IsRegular ? status.Size : 0,
        ModifiedSeconds = status.Modification.Seconds,
        ModifiedNanoseconds = (int)status.Modification.Nanoseconds,
        DeviceMajor = status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? status.DeviceMajor : 0,
        DeviceMinor = status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? status.DeviceMinor : 0,
    };
}
