// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// The machine's /proc as a step sees it: its own processes and no others, links to files in its own words, and not what
/// containers never see (docs.docker.com/engine/security: masked paths).
/// </summary>
internal sealed class ProcView(GuestMounts mounts, TraceeTable table, byte[] imagesPath)
{
    private static readonly string[] s_masked =
    [
        "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi", "acpi", "asound",
        "interrupts", "kmsg", "kallsyms", "kpageflags", "kpagecount", "kpagecgroup", "sysrq-trigger",
    ];

    private GuestMount? Mount => mounts.All.FirstOrDefault(mount => mount.IsProc);

    /// <summary>Opens a file by its path in /proc; links are not followed.</summary>
    public Errno Open(Tracee caller, ReadOnlySpan<byte> path, out Found? found)
    {
        found = null;
        string text = Encoding.UTF8.GetString(path);
        string[] names = text.Split('/');
        if (s_masked.Contains(names[0]))
        {
            return names.Length == 1 ? OpenOwn(path, ProcContent.Hidden, 0, out found) : Errno.EACCES;
        }

        switch (names[0])
        {
            case "self" when names.Length == 1:
                return OpenLink(path, Bytes($"{caller.Process.Id}"), out found);
            case "thread-self" when names.Length == 1:
                return OpenLink(path, Bytes($"{caller.Process.Id}/task/{caller.ThreadId}"), out found);
        }

        if (!int.TryParse(names[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id))
        {
            return OpenOwn(path, ProcContent.Own, 0, out found);
        }

        Tracee? thread = table.FindThread(id);
        int first = 1;
        if (thread is not null && names.Length > 2 && names[1] == "task")
        {
            TracedProcess process = thread.Process;
            thread = int.TryParse(names[2], NumberStyles.None, CultureInfo.InvariantCulture, out int task)
                ? table.FindThread(task)
                : null;
            thread = thread?.Process == process ? thread : null;
            first = 3;
        }

        return thread is null ? Errno.ENOENT : OpenOfThread(thread, path, names.AsSpan(first), out found);
    }

    /// <summary>The file that a link to an open file means, without a look at the link's text.</summary>
    public Errno Follow(ReadOnlySpan<byte> path, out Found? found)
    {
        found = null;
        ReadOnlySpan<byte> rest = path[Mount!.Target.Length..].TrimStart((byte)'/');
        long opened = HostCall.Open(Mount.Handle.Value, rest, OpenFlags.Path);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        var file = new FileDescriptor((int)opened);
        _ = HostCall.Status(file.Value, out FileStatus status);
        found = new Found(file, status);
        return Errno.None;
    }

    /// <summary>Whose process a file of /proc is about; null for all other files.</summary>
    public FakeIdentity? FindIdentity(int file, FileStatus status)
    {
        if (!mounts.IsSpecial(status) || HostCall.PathOf(file) is not { } path || Mount is not { } mount
            || path.Length <= mount.HostPath.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = path.AsSpan(mount.HostPath.Length + 1);
        return Utf8Parser.TryParse(rest, out int id, out int length) && (length == rest.Length || rest[length] == '/')
            ? table.FindThread(id)?.Process.Identity
            : null;
    }

    /// <summary>The text of a file that is made here.</summary>
    public byte[] Read(Found file) => file.Content switch
    {
        ProcContent.Maps => ReadMaps(file),
        ProcContent.Status => ReadStatus(file),
        ProcContent.Mounts => ListMounts(isInfo: false),
        _ => ListMounts(isInfo: true),
    };

    private static byte[] Bytes(FormattableString text) =>
        Encoding.ASCII.GetBytes(text.ToString(CultureInfo.InvariantCulture));

    private Errno OpenOfThread(Tracee thread, ReadOnlySpan<byte> path, ReadOnlySpan<string> names, out Found? found)
    {
        switch (names)
        {
            case ["root"]:
                return OpenLink(path, thread.Files.Root.Length == 0 ? "/"u8.ToArray() : thread.Files.Root, out found);
            case ["cwd"]:
                return OpenLink(path, NameOf(thread.Files.WorkingDirectory.Descriptor), out found);
            case ["exe"]:
                return OpenLink(path, thread.Process.Executable, out found);
            case ["maps" or "smaps" or "numa_maps"]:
                return OpenOwn(path, ProcContent.Maps, thread.Process.Id, out found);
            case ["mem"]:
                Errno errno = OpenPath(path, out FileDescriptor? memory, out FileStatus status);
                found = errno == Errno.None
                    ? new Found(memory!, status) { ProcessId = thread.Process.Id, IsMemory = true }
                    : null;
                return errno;
            case ["status"]:
                return OpenOwn(path, ProcContent.Status, thread.Process.Id, out found);
            case ["mounts" or "mountstats"]:
                return OpenOwn(path, ProcContent.Mounts, thread.Process.Id, out found);
            case ["mountinfo"]:
                return OpenOwn(path, ProcContent.MountInfo, thread.Process.Id, out found);
            case ["fd" or "map_files", _]:
                return OpenDescriptorLink(path, out found);
            default:
                return OpenOwn(path, ProcContent.Own, thread.Process.Id, out found);
        }
    }

    private byte[] NameOf(int descriptor) => HostCall.PathOf(descriptor) is not { } path
        ? "/"u8.ToArray()
        : mounts.ToGuest(path) ?? path;

    private Errno OpenOwn(ReadOnlySpan<byte> path, ProcContent content, int processId, out Found? found)
    {
        Errno errno = OpenPath(path, out FileDescriptor? file, out FileStatus status);
        found = errno == Errno.None
            ? new Found(file!, status) { Content = content, ProcessId = processId }
            : null;
        return errno;
    }

    private Errno OpenLink(ReadOnlySpan<byte> path, byte[] text, out Found? found)
    {
        Errno errno = OpenPath(path, out FileDescriptor? file, out FileStatus status);
        found = errno == Errno.None ? new Found(file!, status) { LinkText = text } : null;
        return errno;
    }

    private Errno OpenDescriptorLink(ReadOnlySpan<byte> path, out Found? found)
    {
        found = null;
        Errno errno = OpenPath(path, out FileDescriptor? file, out FileStatus status);
        if (errno != Errno.None)
        {
            return errno;
        }

        byte[] text = HostCall.ReadLink(file!.Value, []) ?? [];
        found = new Found(file, status) { LinkText = mounts.ToGuest(text) ?? text, IsMagic = true };
        return Errno.None;
    }

    private Errno OpenPath(ReadOnlySpan<byte> path, out FileDescriptor? file, out FileStatus status)
    {
        file = null;
        status = default;
        long opened = HostCall.OpenResolved(
            Mount!.Handle.Value, path, OpenFlags.Path | OpenFlags.NoFollow, Libc.ResolveNoSymlinks);
        if (opened < 0)
        {
            return (Errno)(-opened);
        }

        file = new FileDescriptor((int)opened);
        _ = HostCall.Status(file.Value, out status);
        return Errno.None;
    }

    private static byte[] ReadWhole(Found file)
    {
        long opened = HostCall.Reopen(file.File, OpenFlags.ReadOnly);
        if (opened < 0)
        {
            return [];
        }

        using var stream = new DescriptorStream(new FileDescriptor((int)opened), canWrite: false);
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    // Who the process believes to be, and what it would be able to do. Source: proc_pid_status(5).
    private byte[] ReadStatus(Found file)
    {
        if (table.FindProcess(file.ProcessId)?.Identity is not { } identity)
        {
            return ReadWhole(file);
        }

        ulong capabilities = identity.IsPrivileged ? CapabilitySet.Default.Bits : 0;
        var text = new StringBuilder();
        foreach (string line in Encoding.UTF8.GetString(ReadWhole(file)).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = line[..(line.IndexOf(':', StringComparison.Ordinal) + 1)];
            text.Append(name switch
            {
                "TracerPid:" or "NoNewPrivs:" => $"{name}\t0",
                "Uid:" => Ids(name, identity.User),
                "Gid:" => Ids(name, identity.Group),
                "Groups:" => $"{name}\t{string.Join(' ', identity.Groups)} ",
                "CapInh:" or "CapAmb:" => $"{name}\t{0:x16}",
                "CapPrm:" or "CapEff:" => string.Create(CultureInfo.InvariantCulture, $"{name}\t{capabilities:x16}"),
                "CapBnd:" => string.Create(CultureInfo.InvariantCulture, $"{name}\t{CapabilitySet.Default.Bits:x16}"),
                _ => line,
            }).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Ids(string name, IdTriple ids) => string.Create(
        CultureInfo.InvariantCulture, $"{name}\t{ids.Real}\t{ids.Effective}\t{ids.Saved}\t{ids.Effective}");

    private byte[] ReadMaps(Found file)
    {
        using var result = new MemoryStream();
        ReadOnlySpan<byte> rest = ReadWhole(file);
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..(end + 1)];
            rest = rest[line.Length..];
            int slash = line.IndexOf((byte)'/');
            ReadOnlySpan<byte> host = slash < 0 ? [] : line[slash..].TrimEnd((byte)'\n');
            byte[]? name = slash < 0 ? null
                : host.StartsWith(imagesPath) ? table.FindProcess(file.ProcessId)?.Executable
                : mounts.ToGuest(host);
            if (name is not null)
            {
                result.Write(line[..slash]);
                result.Write(name);
                result.WriteByte((byte)'\n');
            }
            else
            {
                result.Write(line);
            }
        }

        return result.ToArray();
    }

    private byte[] ListMounts(bool isInfo)
    {
        var text = new StringBuilder();
        int number = 1;
        foreach (GuestMount mount in mounts.All.Reverse())
        {
            string target = mount.Target.Length == 0 ? "/" : Encoding.UTF8.GetString(mount.Target);
            string type = mount.IsProc ? "proc" : target == "/sys" ? "sysfs" : "bld";
            string options = mount.IsReadOnly ? "ro" : "rw";
            text.Append(isInfo
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{number + 1} {(number == 1 ? 0 : 2)} {mount.Status.HolderMajor}:{mount.Status.HolderMinor} / {target} {options} - {type} {type} {options}\n")
                : $"{type} {target} {type} {options} 0 0\n");
            number++;
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
