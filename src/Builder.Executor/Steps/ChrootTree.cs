// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Setup;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>Puts /dev, /proc, /sys, files and mounts of a step into its plain root.</summary>
internal static class ChrootTree
{
    private const int DirectoryMode = 0b111_101_101;
    private const int ProcMode = 0b101_101_101;
    private const int SharedMode = 0b001_111_111_111;
    private const int NodeMode = 0b110_110_110;
    private const int MaxProcFileBytes = 1024 * 1024;

    // name, major, minor. Source: the kernel's admin-guide/devices.txt.
    private static readonly (string Name, uint Major, uint Minor)[] s_nodes =
    [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ];

    // What programs read of /proc that is the machine's and not a process's.
    private static readonly string[] s_procFiles =
    [
        "cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version",
        "sys/kernel/cap_last_cap", "sys/kernel/osrelease", "sys/kernel/ostype", "sys/kernel/pid_max",
        "sys/kernel/random/boot_id", "sys/vm/overcommit_memory", "sys/fs/file-max",
    ];

    /// <summary>Puts a directory with the standard nodes at /dev; where a node is refused, says what opens that door.</summary>
    public static void PlaceDevices(PlacedEntries entries, string path, IReadOnlyList<PipeFile> pipeFiles) =>
        entries.Place(path, (parent, name) =>
        {
            using FileDescriptor directory = MakeDirectory(parent, name, DirectoryMode);
            foreach ((string node, uint major, uint minor) in s_nodes)
            {
                byte[] bytes = Encoding.ASCII.GetBytes(node);
                if (!AtCalls.RawMknod(directory.Value, bytes, FileType.CharacterDevice | NodeMode, major, minor))
                {
                    throw new SandboxException($"make /dev/{node}", "mknod", AtCalls.LastError())
                    {
                        Hint = "the container needs CAP_MKNOD (it is one of the defaults), or --isolation trace",
                    };
                }

                AtCalls.Chmod(directory.Value, bytes, NodeMode);
            }

            MakeDirectory(directory.Value, "shm"u8, SharedMode).Dispose();
            MakeDirectory(directory.Value, "mqueue"u8, DirectoryMode).Dispose();
            MakeDirectory(directory.Value, "pts"u8, DirectoryMode).Dispose();
            if (pipeFiles.Count > 0)
            {
                using FileDescriptor pipes = MakeDirectory(directory.Value, "pipes"u8, DirectoryMode);
                foreach (PipeFile file in pipeFiles)
                {
                    MemoryFile.Write(pipes.Value, file.Name, Encoding.UTF8.GetBytes(file.Content), DirectoryMode);
                }
            }
        });

    /// <summary>
    /// Puts a directory at /proc with copies of what concerns the whole machine. There is nothing of any process in it:
    /// programs see that, and go another way, where an empty /proc/self would mislead them.
    /// </summary>
    public static void PlaceProc(PlacedEntries entries, string path) => entries.Place(path, (parent, name) =>
    {
        using FileDescriptor directory = MakeDirectory(parent, name, ProcMode);
        foreach (string file in s_procFiles)
        {
            if (TryRead("/proc/" + file) is not { } content)
            {
                continue;
            }

            string[] names = file.Split('/');
            for (int count = 1; count < names.Length; count++)
            {
                byte[] part = Encoding.ASCII.GetBytes(string.Join('/', names[..count]));
                if (AtCalls.TryMakeDirectory(directory.Value, part, ProcMode))
                {
                    AtCalls.Chmod(directory.Value, part, ProcMode);
                }
            }

            MemoryFile.Write(directory.Value, file, content, 0b100_100_100);
        }
    });

    /// <summary>Puts an empty directory at a path.</summary>
    public static void PlaceEmpty(PlacedEntries entries, string path, int mode = ProcMode) =>
        entries.Place(path, (parent, name) => MakeDirectory(parent, name, mode).Dispose());

    /// <summary>Writes a file; its content is on disk while the step runs.</summary>
    public static void PlaceFile(PlacedEntries entries, string path, SandboxFile file) =>
        entries.Place(path, (parent, name) =>
        {
            MemoryFile.Write(parent, PathEncoding.Decode(name), file.Content.Span, file.Mode);
            if ((file.UserId, file.GroupId) != (0, 0) && !AtCalls.RawChown(parent, name, file.UserId, file.GroupId))
            {
                throw AtCalls.Failure("change owner of", parent, name);
            }
        });

    private static FileDescriptor MakeDirectory(int parent, ReadOnlySpan<byte> name, int mode)
    {
        AtCalls.MakeDirectory(parent, name, DirectoryMode);
        FileDescriptor directory = AtCalls.Open(parent, name, OpenFlags.DirectoryRead);
        AtCalls.Chmod(directory.Value, [], mode);
        return directory;
    }

    private static byte[]? TryRead(string path)
    {
        try
        {
            byte[] content = File.ReadAllBytes(path);
            return content.Length <= MaxProcFileBytes ? content : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
