// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Setup;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Puts together what a traced command sees: its root, /proc, /sys, a /dev with the machine's harmless nodes, mounts and
/// files in memory. In the root only the places of these are made, and taken out again.
/// </summary>
internal sealed class TraceTree : IDisposable
{
    private const int DirectoryMode = 0b111_101_101;
    private const int MaskMode = 0b111_101_101;
    private const int SharedMode = 0b001_111_111_111;
    private const int NodeMode = 0b110_110_110;
    private const int OwnerReadWrite = 0b110_000_000;
    private const int CloseOnExecMemory = 1; // MFD_CLOEXEC

    private static readonly string[] s_nodes = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"];

    private static readonly (string Name, string Target)[] s_links =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"),
    ];

    private readonly List<(FileDescriptor Holder, MountPoints Points, string Path)> _places = [];
    private readonly TraceSpec _spec;

    /// <summary>Puts it together.</summary>
    public TraceTree(TraceSpec spec)
    {
        _spec = spec;
        Mounts = new GuestMounts(new GuestMount([], Again(spec.Root.Value)));
        try
        {
            Mount("/proc", OpenHost("/proc"), isReadOnly: false, isProc: true);
            Mount("/sys", OpenHost("/sys"), isReadOnly: true);
            MaskSystem();
            MountDevices();
            foreach (TraceMount mount in spec.Mounts)
            {
                Mount(mount.Target, OpenHost(mount.Source), mount.IsReadOnly);
            }

            foreach (SandboxFile file in spec.Files)
            {
                Mount(file.Target, WriteToMemory(file), isReadOnly: false);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What stands where.</summary>
    public GuestMounts Mounts { get; }

    /// <summary>What may be executed: the root and writable mounts.</summary>
    public IEnumerable<int> Executable => Mounts.All
        .Where(mount => mount is { IsProc: false, Status.IsDirectory: true } && !mount.Target.AsSpan().StartsWith("/sys"u8))
        .Select(mount => mount.Handle.Value);

    /// <inheritdoc/>
    public void Dispose()
    {
        Mounts.Dispose();
        for (int i = _places.Count - 1; i >= 0; i--)
        {
            _places[i].Points.RemoveMade(_places[i].Path);
            _places[i].Holder.Dispose();
        }

        _places.Clear();
    }

    private static FileDescriptor OpenHost(string path) => AtCalls.Open(path, OpenFlags.Path);

    private static FileDescriptor Again(int descriptor)
    {
        long opened = HostCall.Reopen(descriptor, OpenFlags.Path);
        return opened >= 0 ? new FileDescriptor((int)opened) : throw new LinuxException("open", (Errno)(-opened));
    }

    private void Mount(string target, FileDescriptor source, bool isReadOnly, bool isProc = false)
    {
        byte[] path = PathEncoding.Encode(target.TrimEnd('/'));
        GuestMount below = Mounts.Find(path, out ReadOnlySpan<byte> rest);
        if (rest.Length > 0 && below is { IsProc: false, IsReadOnly: false })
        {
            _ = HostCall.Status(source.Value, out FileStatus status);
            MakePlace(below, PathEncoding.Decode(rest), status.IsDirectory);
        }

        Mounts.Mount(new GuestMount(path, source, isReadOnly, isProc));
    }

    private void MakePlace(GuestMount below, string path, bool isDirectory)
    {
        FileDescriptor holder = Again(below.Handle.Value);
        var points = new MountPoints(new SafeFileHandle(holder.Value, ownsHandle: false));
        _places.Add((holder, points, PathEncoding.Decode(below.HostPath)));
        points.Ensure("/" + path, isDirectory);
    }

    // What containers never see of the machine. Source: docs.docker.com/engine/security, masked paths.
    private void MaskSystem()
    {
        string empty = Path.Combine(_spec.Scratch, "empty");
        Make(empty, MaskMode);
        foreach (string path in (ReadOnlySpan<string>)["/sys/firmware", "/sys/devices/virtual/powercap"])
        {
            if (Directory.Exists(path))
            {
                Mounts.Mount(new GuestMount(PathEncoding.Encode(path), OpenHost(empty), isReadOnly: true));
            }
        }
    }

    private void MountDevices()
    {
        string directory = Path.Combine(_spec.Scratch, "dev");
        Make(directory, DirectoryMode);
        using (FileDescriptor devices = AtCalls.Open(directory, OpenFlags.DirectoryPath))
        {
            foreach ((string name, string target) in s_links)
            {
                AtCalls.Symlink(Encoding.ASCII.GetBytes(target), devices.Value, Encoding.ASCII.GetBytes(name));
            }

            if (_spec.PipeFiles.Length > 0)
            {
                Make(Path.Combine(directory, "pipes"), DirectoryMode);
            }

            foreach (PipeFile file in _spec.PipeFiles)
            {
                MemoryFile.Write(
                    devices.Value, $"pipes/{file.Name}", Encoding.UTF8.GetBytes(file.Content), DirectoryMode);
            }
        }

        Make(Path.Combine(directory, "shm"), SharedMode);
        Make(Path.Combine(directory, "mqueue"), DirectoryMode);
        Make(Path.Combine(directory, "pts"), DirectoryMode);
        Mount("/dev", OpenHost(directory), isReadOnly: false);
        foreach (string node in s_nodes)
        {
            if (AtCalls.TryOpen(AtCalls.CurrentDirectory, PathEncoding.Encode($"/dev/{node}"), OpenFlags.Path) is { } host)
            {
                MemoryFile.Write(Mounts.Find("/dev"u8, out _).Handle.Value, node, [], NodeMode);
                Mounts.Mount(new GuestMount(PathEncoding.Encode($"/dev/{node}"), host));
            }
        }

        if (AtCalls.TryOpen(AtCalls.CurrentDirectory, "/dev/pts"u8, OpenFlags.Path) is { } terminals)
        {
            Mounts.Mount(new GuestMount("/dev/pts"u8.ToArray(), terminals));
        }
    }

    private static void Make(string path, int mode)
    {
        Directory.CreateDirectory(path);
        AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(path), mode);
    }

    private unsafe FileDescriptor WriteToMemory(SandboxFile file)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"bld-{_places.Count}");
        fixed (byte* text = Libc.Terminated(name))
        fixed (byte* bytes = file.Content.Span)
        {
            long made = HostCall.Invoke(CallNumbers.MemfdCreate, (nint)text, CloseOnExecMemory);
            if (made < 0)
            {
                throw new SandboxException($"make {file.Target}", "memfd_create", (Errno)(-made));
            }

            var memory = new FileDescriptor((int)made);
            if (Libc.WriteAt(memory.Value, bytes, (nuint)file.Content.Length, 0) != file.Content.Length)
            {
                memory.Dispose();
                throw new SandboxException($"write {file.Target}", "write", Libc.LastErrno);
            }

            AtCalls.Chmod(memory.Value, [], file.Mode | OwnerReadWrite);
            _ = OwnerStore.RawRecordHeld(
                memory.Value, new RecordedAttributes(FileKind.Regular, file.Mode, file.UserId, file.GroupId), recordMode: true);
            return memory;
        }
    }
}
