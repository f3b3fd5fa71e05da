// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Operations;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>
/// A container's /dev: a tmpfs with the standard nodes and nothing else, a terminal file system of its own, shared
/// memory. Made by this process before the container starts, and attached by the container's first rows.
/// </summary>
internal sealed class DeviceDirectory : IDisposable
{
    private const long DefaultShmBytes = 64 * 1024 * 1024;
    private const long DeviceTmpfsBytes = 64 * 1024;
    private const ulong Hardened = Libc.MountNoSuid | Libc.MountNoExec;

    // name, major, minor. Source: the kernel's admin-guide/devices.txt.
    private static readonly (string Name, uint Major, uint Minor)[] s_nodes =
    [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ];

    private static readonly (string Name, string Target)[] s_links =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"), ("core", "/proc/kcore"),
    ];

    private readonly DetachedMount _devices;
    private readonly DetachedMount? _shm;
    private readonly List<(string Path, DetachedMount Mount)> _boundNodes = [];

    /// <summary>Where shared memory is.</summary>
    public const string SharedMemory = "/dev/shm";

    /// <summary>Makes the directory.</summary>
    /// <param name="spec">Says how large /dev/shm is, which scripts /dev/pipes has, and whether nodes that the container makes
    /// may be opened.</param>
    /// <param name="hasConsole">There will be a /dev/console.</param>
    /// <param name="hasSharedMemory">False when another mount takes the place of /dev/shm.</param>
    public DeviceDirectory(SandboxSpec spec, bool hasConsole, bool hasSharedMemory)
    {
        long size = DeviceTmpfsBytes + spec.PipeFiles.Sum(file => 8192L + 2 * Encoding.UTF8.GetByteCount(file.Content));
        ulong nodes = spec.IsPrivileged ? 0 : Libc.MountNoDev;
        _devices = DetachedMount.Tmpfs(0b111_101_101, size, Libc.MountNoSuid | nodes); // scripts in /dev/pipes are executed
        Terminals = MountTerminals();
        _shm = hasSharedMemory
            ? DetachedMount.Tmpfs(
                0b001_111_111_111, spec.ShmSizeBytes > 0 ? spec.ShmSizeBytes : DefaultShmBytes, Hardened | Libc.MountNoDev)
            : null;
        int directory = _devices.Handle.Number();
        foreach ((string name, uint major, uint minor) in s_nodes)
        {
            MakeNode(directory, name, major, minor, spec.IsPrivileged);
        }

        foreach ((string name, string target) in s_links)
        {
            AtCalls.Symlink(Encoding.ASCII.GetBytes(target), directory, Encoding.ASCII.GetBytes(name));
        }

        foreach (string name in (ReadOnlySpan<string>)["pts", "shm", "mqueue"])
        {
            AtCalls.MakeDirectory(directory, Encoding.ASCII.GetBytes(name), 0b111_101_101);
        }

        if (hasConsole)
        {
            WriteFile(directory, "console", [], 0b110_000_000);
        }

        WritePipeFiles(directory, spec.PipeFiles);
    }

    /// <summary>The directory, to make mount points in.</summary>
    public SafeFileHandle Handle => _devices.Handle;

    /// <summary>The terminal file system.</summary>
    public DetachedMount Terminals { get; }

    /// <summary>Attaches everything.</summary>
    public void Append(SyscallProgramme programme)
    {
        MountRows.Attach(programme, _devices, "/dev");
        MountRows.Attach(programme, Terminals, "/dev/pts");
        if (_shm is not null)
        {
            MountRows.Attach(programme, _shm, SharedMemory);
        }

        foreach ((string path, DetachedMount mount) in _boundNodes)
        {
            MountRows.Attach(programme, mount, path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _devices.Dispose();
        Terminals.Dispose();
        _shm?.Dispose();
        _boundNodes.ForEach(node => node.Mount.Dispose());
    }

    private static DetachedMount MountTerminals()
    {
        try
        {
            return Mount(("gid", "5")); // Debian's and most others' group "tty"
        }
        catch (SandboxException)
        {
            return Mount(("mode", "620")); // group 5 is not mapped
        }

        static DetachedMount Mount((string Key, string? Value) option) => DetachedMount.Create(
            "devpts", Libc.MountNoSuid | Libc.MountNoExec, ("ptmxmode", "0666"), ("mode", "620"), option);
    }

    // Where nodes cannot be made (in a user namespace) or opened, the machine's are bound on empty files.
    private void MakeNode(int directory, string name, uint major, uint minor, bool isOpened)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(name);
        if (isOpened && AtCalls.RawMknod(directory, bytes, FileType.CharacterDevice | 0b110_110_110, major, minor))
        {
            AtCalls.Chmod(directory, bytes, 0b110_110_110);
            return;
        }

        WriteFile(directory, name, [], 0b110_110_110);
        _boundNodes.Add(($"/dev/{name}", DetachedMount.Bind($"/dev/{name}", isRecursive: false, attributes: 0)));
    }

    private static void WritePipeFiles(int directory, IReadOnlyList<PipeFile> pipeFiles)
    {
        if (pipeFiles.Count == 0)
        {
            return;
        }

        AtCalls.MakeDirectory(directory, "pipes"u8, 0b111_101_101);
        using FileDescriptor pipes = AtCalls.Open(directory, "pipes"u8, OpenFlags.DirectoryPath);
        foreach (PipeFile file in pipeFiles)
        {
            WriteFile(pipes.Value, file.Name, Encoding.UTF8.GetBytes(file.Content), 0b111_101_101);
        }
    }

    private static void WriteFile(int directory, string name, ReadOnlySpan<byte> content, int mode) =>
        MemoryFile.Write(directory, name, content, mode);
}
