// SPDX-License-Identifier: Apache-2.0

using System.Runtime.ExceptionServices;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Mounts;

/// <summary>The directories of an overlay.</summary>
/// <param name="LowersTopFirst">Read-only directories; at least one.</param>
/// <param name="Upper">Where changes go, or null for a read-only view.</param>
/// <param name="Work">An empty directory on the file system of <paramref name="Upper"/>; used once.</param>
/// <param name="UsesUserXattrs">The mount is made in a user namespace, where overlay keeps its marks in user.*.</param>
internal sealed record OverlayDirectories(
    IReadOnlyList<string> LowersTopFirst, string? Upper, string? Work, bool UsesUserXattrs);

/// <summary>
/// Mounts overlays whose upper holds everything that was changed, so that it can become a layer: no metacopy, no
/// redirects. Source: the kernel's Documentation/filesystems/overlayfs.rst.
/// </summary>
internal static unsafe class OverlayMount
{
    private const int MaxOptionBytes = 255; // of one fsconfig(2) string

    /// <summary>Mounts it, detached.</summary>
    public static DetachedMount Create(OverlayDirectories directories)
    {
        using var context = DetachedMount.FileSystemContext.Open("overlay");
        var references = new List<SafeFileHandle>();
        try
        {
            foreach (string lower in directories.LowersTopFirst)
            {
                if (!context.TrySet("lowerdir+", ShortPath(lower, references)))
                {
                    if (references.Count == 0 && lower == directories.LowersTopFirst[0])
                    {
                        return CreateClassic(directories); // before Linux 6.7
                    }

                    context.Set("lowerdir+", ShortPath(lower, references)); // reports what is wrong
                }
            }

            if (directories.Upper is not null)
            {
                context.Set("upperdir", ShortPath(directories.Upper, references));
                context.Set("workdir", ShortPath(directories.Work!, references));
                context.TrySet("volatile", null);
            }

            foreach ((string key, string? value) in Options(directories.UsesUserXattrs))
            {
                if (value is null)
                {
                    context.Set(key, value);
                }
                else
                {
                    context.TrySet(key, value); // a kernel that was built without the feature may not know the option
                }
            }

            return context.Mount(0);
        }
        finally
        {
            references.ForEach(reference => reference.Dispose());
        }
    }

    /// <summary>
    /// Mounts it by mount(2), whose options fit one page, for kernels that cannot take one directory at a time: short
    /// links stand for the directories, in a mount namespace of a thread of its own, which ends afterwards.
    /// </summary>
    public static DetachedMount CreateClassic(OverlayDirectories directories)
    {
        DetachedMount? mount = null;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                mount = MountInOwnNamespace(directories);
            }
            catch (Frontend.BuildException exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return mount!;
    }

    private static DetachedMount MountInOwnNamespace(OverlayDirectories directories)
    {
        string place = Path.GetDirectoryName(directories.Work ?? directories.LowersTopFirst[0])!;
        Try(Libc.SystemCall(Syscall.Unshare.Number, (nint)(Libc.CloneFs | Libc.CloneNewNs)), "unshare");
        Mount("none", "/", null, Libc.MountRecursive | Libc.MountPrivate, null);
        Mount("tmpfs", place, "tmpfs", 0, null, prepare: Links(directories));
        fixed (byte* path = Libc.Terminated(place))
        {
            Try(Libc.SystemCall(Syscall.Chdir.Number, (nint)path), "chdir");
        }

        var options = new StringBuilder("lowerdir=");
        options.AppendJoin(':', Enumerable.Range(0, directories.LowersTopFirst.Count));
        options.Append(directories.Upper is null ? "" : ",upperdir=u,workdir=w,volatile");
        foreach ((string key, string? value) in Options(directories.UsesUserXattrs))
        {
            options.Append(',').Append(key).Append(value is null ? "" : "=" + value);
        }

        Mount("overlay", "m", "overlay", 0, options.ToString());
        fixed (byte* path = Libc.Terminated("m"))
        {
            SafeFileHandle handle = Libc.OpenBy(
                Syscall.OpenTree, Libc.AtFdCwd, (nint)path, Libc.OpenTreeClone | Libc.OpenCloexec)
                ?? throw new SandboxException("mount overlay", "open_tree", Libc.LastErrno);
            return DetachedMount.FromHandle(handle);
        }
    }

    // The directories are referred to by descriptors: the tmpfs hides the place some of them may lie below.
    private static Action<string> Links(OverlayDirectories directories)
    {
        var references = new List<(string Name, SafeFileHandle Handle)>();
        for (int i = 0; i < directories.LowersTopFirst.Count; i++)
        {
            references.Add((i.ToString(System.Globalization.CultureInfo.InvariantCulture),
                Refer(directories.LowersTopFirst[i])));
        }

        if (directories.Upper is not null)
        {
            references.Add(("u", Refer(directories.Upper)));
            references.Add(("w", Refer(directories.Work!)));
        }

        return place =>
        {
            Directory.CreateDirectory(Path.Join(place, "m"));
            foreach ((string name, SafeFileHandle handle) in references)
            {
                File.CreateSymbolicLink(Path.Join(place, name), $"/proc/self/fd/{handle.Number()}");
            }
        };
    }

    private static SafeFileHandle Refer(string path) =>
        Libc.ReferToHost(path) ?? throw new LinuxException("open", Libc.LastErrno, path);

    private static void Mount(
        string source, string target, string? type, ulong flags, string? options, Action<string>? prepare = null)
    {
        fixed (byte* sourceBytes = Libc.Terminated(source))
        fixed (byte* targetBytes = Libc.Terminated(target))
        fixed (byte* typeBytes = type is null ? null : Libc.Terminated(type))
        fixed (byte* optionBytes = options is null ? null : Libc.Terminated(options))
        {
            Try(
                Libc.SystemCall(
                    Syscall.Mount.Number, (nint)sourceBytes, (nint)targetBytes, (nint)typeBytes, (nint)flags,
                    (nint)optionBytes),
                "mount");
        }

        prepare?.Invoke(target);
    }

    private static void Try(nint result, string syscall)
    {
        if (result < 0)
        {
            throw new SandboxException("mount overlay", syscall, Libc.LastErrno);
        }
    }

    private static IEnumerable<(string Key, string? Value)> Options(bool usesUserXattrs)
    {
        if (usesUserXattrs)
        {
            yield return ("userxattr", null); // refuses redirect_dir=off, and implies what matters
            yield return ("metacopy", "off");
        }
        else
        {
            yield return ("redirect_dir", "off");
            yield return ("metacopy", "off");
            yield return ("index", "off");
            yield return ("xino", "off");
        }
    }

    private static string ShortPath(string path, List<SafeFileHandle> references)
    {
        if (Encoding.UTF8.GetByteCount(path) <= MaxOptionBytes)
        {
            return path;
        }

        SafeFileHandle reference = Refer(path);
        references.Add(reference);
        return $"/proc/self/fd/{reference.Number()}";
    }
}
