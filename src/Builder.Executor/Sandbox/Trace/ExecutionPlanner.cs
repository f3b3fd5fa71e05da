// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Does what the kernel's execve(2) does with scripts, loaders and permissions, in the step's root.</summary>
internal sealed class ExecutionPlanner(GuestPaths paths, ExecutableImages images, TraceOwners owners)
{
    private const int MaxInterpreters = 4;
    private const int MaxNameBytes = 200;

    /// <summary>Plans an execution.</summary>
    public Errno Plan(Tracee caller, int directory, byte[] path, int flags, out ExecutionPlan? plan)
    {
        plan = null;
        string name = NameOf(path);
        byte[] scriptPath = path;
        Found? found;
        if (path.Length == 0 && (flags & Libc.AtEmptyPath) != 0)
        {
            FileDescriptor? held = GuestPaths.OpenDescriptor(caller, directory);
            if (held is null || HostCall.Status(held.Value, out FileStatus status) < 0)
            {
                return Errno.EBADF;
            }

            found = new Found(held, status);
            name = directory.ToString(CultureInfo.InvariantCulture);
            scriptPath = Encoding.ASCII.GetBytes($"/dev/fd/{name}");
        }
        else
        {
            Errno errno = paths.Find(caller, directory, path, (flags & Libc.AtSymlinkNoFollow) == 0, out found);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        var leading = new List<byte[]>();
        for (int depth = 0; ; depth++)
        {
            using (found)
            {
                Errno errno = Check(caller, found!, out FileDescriptor? file);
                using (file)
                {
                    if (errno != Errno.None)
                    {
                        return errno;
                    }

                    if (ExecutableImages.FindInterpreter(file!.Value) is not { } script)
                    {
                        return PlanImage(caller, found!, file, name, leading, out plan);
                    }

                    if (depth >= MaxInterpreters)
                    {
                        return Errno.ELOOP;
                    }

                    if (leading.Count > 0)
                    {
                        leading.RemoveAt(0);
                    }

                    leading.Insert(0, scriptPath);
                    if (script.Argument is { } argument)
                    {
                        leading.Insert(0, argument);
                    }

                    leading.Insert(0, script.Interpreter);
                    scriptPath = script.Interpreter;
                }
            }

            Errno next = paths.Find(caller, Libc.AtFdCwd, scriptPath, follow: true, out found);
            if (next != Errno.None)
            {
                return next;
            }
        }
    }

    // What the set-id bits of a programme make of who executes it; those of mounts make nothing. Source: execve(2).
    private FakeIdentity Become(Tracee caller, Found found, byte[]? hostPath)
    {
        const int SetUser = 0b100_000_000_000;
        const int SetGroup = 0b010_000_000_000;
        const int GroupExecute = 0b001_000;
        FakeIdentity identity = caller.Process.Identity;
        RecordedAttributes file = owners.Read(found.File, found.Status);
        bool counts = hostPath is not null && paths.Mounts.FindHost(hostPath) == paths.Mounts.Root;
        uint user = counts && (file.Mode & SetUser) != 0 ? file.UserId : identity.User.Effective;
        uint group = counts && (file.Mode & (SetGroup | GroupExecute)) == (SetGroup | GroupExecute)
            ? file.GroupId
            : identity.Group.Effective;
        return identity with
        {
            User = new IdTriple(identity.User.Real, user, user),
            Group = new IdTriple(identity.Group.Real, group, group),
            KeepsCapabilities = false,
        };
    }

    private static string NameOf(ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> name = path[(path.LastIndexOf((byte)'/') + 1)..];
        return name.IsEmpty || name.Length > MaxNameBytes || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8)
            ? "command"
            : Solver.Files.PathEncoding.Decode(name);
    }

    private Errno Check(Tracee caller, Found found, out FileDescriptor? file)
    {
        file = null;
        if (!found.Status.IsRegular || found.Status.IsSymlink)
        {
            return found.Status.IsSymlink ? Errno.ELOOP : Errno.EACCES;
        }

        const int Execute = 1;
        if (!TraceOwners.MayAccess(owners.Read(found.File, found.Status), caller.Process.Identity, Execute))
        {
            return Errno.EACCES;
        }

        long opened = HostCall.Reopen(found.File, OpenFlags.ReadOnly);
        file = opened >= 0 ? new FileDescriptor((int)opened) : null;
        return file is null ? (Errno)(-opened) : Errno.None;
    }

    private Errno PlanImage(
        Tracee caller, Found found, FileDescriptor file, string name, List<byte[]> leading, out ExecutionPlan? plan)
    {
        plan = null;
        if (ExecutableImages.FindLoader(file.Value, out long headerOffset) is not { } loader)
        {
            return Errno.ENOEXEC;
        }

        byte[] loaderPlace = [];
        if (loader.Length > 0)
        {
            Errno errno = paths.Find(caller, Libc.AtFdCwd, loader, follow: true, out Found? loaderFile);
            using (loaderFile)
            {
                if (errno != Errno.None)
                {
                    return errno;
                }

                loaderPlace = HostCall.PathOf(loaderFile!.File) ?? [];
                if (loaderPlace.Length == 0 || !loaderFile.Status.IsRegular)
                {
                    return Errno.ELIBBAD;
                }
            }
        }

        byte[]? hostPath = HostCall.PathOf(found.File);
        byte[]? executable = hostPath is null ? null : paths.Mounts.ToGuest(hostPath);
        Errno provided = images.Provide(
            file.Value, found.Status, executable is null ? null : hostPath, name, loaderPlace, headerOffset,
            out string imagePath);
        if (provided == Errno.None)
        {
            plan = new ExecutionPlan(
                imagePath, executable ?? hostPath ?? "/"u8.ToArray(), leading, Become(caller, found, hostPath));
        }

        return provided;
    }
}
