// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>
/// Rows with which a child in a new user namespace waits until its ids are mapped and then becomes the root there, and
/// the parent's part: writing the maps.
/// </summary>
internal sealed class IdMappingGate : IDisposable
{
    private readonly IdMapping _mapping;
    private readonly SafeFileHandle _read;
    private readonly SafeFileHandle _write;

    private IdMappingGate(IdMapping mapping)
    {
        _mapping = mapping;
        (_read, _write) = Libc.CreatePipe();
    }

    /// <summary>Appends the child's rows.</summary>
    public static IdMappingGate Append(SyscallProgramme programme, IdMapping mapping)
    {
        var gate = new IdMappingGate(mapping);
        programme.Add("wait for the id maps", Syscall.Close, gate._write.Number());
        programme.Add("wait for the id maps", Syscall.Read, gate._read.Number(), programme.Block(8), 1);
        if (mapping.Count > 1)
        {
            programme.Add("leave supplementary groups", Syscall.Setgroups, 0, 0);
        }

        programme.Add("become root of the user namespace", Syscall.Setresgid, 0, 0, 0);
        programme.Add("become root of the user namespace", Syscall.Setresuid, 0, 0, 0);
        ProcessRows.DieWithParent(programme);
        return gate;
    }

    /// <summary>Writes the maps of a child and lets it go on.</summary>
    /// <exception cref="SandboxException">They were refused.</exception>
    public void Open(int pid)
    {
        string process = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        if (_mapping.NeedsHelper)
        {
            RunHelper("newuidmap", pid, _mapping.Users);
            RunHelper("newgidmap", pid, _mapping.Groups);
        }
        else
        {
            if (_mapping.Count == 1 && File.Exists($"{process}/setgroups")) // gVisor has none and asks for none
            {
                Write($"{process}/setgroups", "deny");
            }

            Write($"{process}/uid_map", IdMapping.Format(_mapping.Users));
            Write($"{process}/gid_map", IdMapping.Format(_mapping.Groups));
        }

        _ = Libc.WriteSome(_write, [1]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _read.Dispose();
        _write.Dispose();
    }

    private static void Write(string path, string text)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
            int result = Libc.WriteSome(file, System.Text.Encoding.ASCII.GetBytes(text));
            if (result < 0)
            {
                throw new SandboxException($"write {Path.GetFileName(path)}", "write", (Errno)(-result));
            }
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new SandboxException($"write {path}: {failure.Message}", failure);
        }
    }

    private static void RunHelper(string name, int pid, ImmutableArray<IdRange> ranges)
    {
        IEnumerable<string> numbers = ranges.SelectMany(range => (IEnumerable<ulong>)[range.Inside, range.Outside, range.Count])
            .Prepend((ulong)pid)
            .Select(number => number.ToString(CultureInfo.InvariantCulture));
        ProcessResult result = ProcessStarter.Run(
            new ProcessRequest(name, [.. numbers]) { Timeout = TimeSpan.FromSeconds(30) }, CancellationToken.None);
        if (result.ExitCode != 0)
        {
            throw new SandboxException($"{name}: {result.ErrorText.Trim()}")
            {
                Hint = $"check that {name} is set-uid root or has its capability, and that /etc/subuid and /etc/subgid are right",
            };
        }
    }
}
