// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Mounts;

/// <summary>
/// A mount that is in no mount namespace yet: only this descriptor holds it, so that it goes when this process goes,
/// whatever happens. A container attaches it in its own namespace; this process can use it meanwhile as a directory.
/// </summary>
internal sealed unsafe class DetachedMount : IDisposable
{
    private const int CloseOnExec = 1; // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC

    private DetachedMount(SafeFileHandle handle) => Handle = handle;

    /// <summary>The root of the mount.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Takes over a descriptor from fsmount(2) or open_tree(2).</summary>
    public static DetachedMount FromHandle(SafeFileHandle handle) => new(handle);

    /// <summary>A new file system of a kind with options; those without a value are flags.</summary>
    public static DetachedMount Create(string type, ulong attributes, params ReadOnlySpan<(string Key, string? Value)> options)
    {
        using FileSystemContext context = FileSystemContext.Open(type);
        foreach ((string key, string? value) in options)
        {
            context.Set(key, value);
        }

        return context.Mount(attributes);
    }

    /// <summary>A tmpfs; size 0 is the kernel's default (half of the memory).</summary>
    public static DetachedMount Tmpfs(int mode, long sizeBytes, ulong attributes)
    {
        string octal = Convert.ToString(mode, 8);
        return sizeBytes > 0
            ? Create(
                "tmpfs", attributes, ("source", "tmpfs"), ("mode", octal),
                ("size", sizeBytes.ToString(CultureInfo.InvariantCulture)))
            : Create("tmpfs", attributes, ("source", "tmpfs"), ("mode", octal));
    }

    /// <summary>A second view of a directory or file (a bind mount); events of the original do not reach it.</summary>
    public static DetachedMount Bind(SafeFileHandle source, bool isRecursive, ulong attributes)
    {
        int flags = Libc.OpenTreeClone | Libc.OpenCloexec | Libc.AtEmptyPath | (isRecursive ? Libc.AtRecursive : 0);
        SafeFileHandle handle;
        fixed (byte* empty = Libc.Terminated(""))
        {
            handle = Libc.OpenBy(Syscall.OpenTree, source.Number(), (nint)empty, flags)
                ?? throw new SandboxException("bind a directory", "open_tree", Libc.LastErrno);
        }

        var mount = new DetachedMount(handle);
        mount.SetAttributes(attributes, Libc.MountPrivate, isRecursive);
        return mount;
    }

    /// <summary>As <see cref="Bind(SafeFileHandle,bool,ulong)"/>, by a path of the host.</summary>
    public static DetachedMount Bind(string path, bool isRecursive, ulong attributes)
    {
        using SafeFileHandle source = Libc.ReferToHost(path)
            ?? throw new SandboxException($"bind {path}", "open", Libc.LastErrno);
        return Bind(source, isRecursive, attributes);
    }

    /// <summary>Adds attributes (read-only, nosuid, ...) and sets the propagation.</summary>
    public void SetAttributes(ulong attributes, ulong propagation, bool isRecursive)
    {
        var values = new Libc.MountAttributes { Set = attributes, Propagation = propagation };
        fixed (byte* empty = Libc.Terminated(""))
        {
            nint result = Libc.SystemCall(
                Syscall.MountSetattr.Number, Handle.Number(), (nint)empty,
                Libc.AtEmptyPath | (isRecursive ? Libc.AtRecursive : 0), (nint)(&values),
                sizeof(Libc.MountAttributes));
            if (result < 0)
            {
                throw new SandboxException("set the attributes of a mount", "mount_setattr", Libc.LastErrno);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    /// <summary>fsopen(2) and what follows it.</summary>
    internal sealed class FileSystemContext : IDisposable
    {
        private readonly SafeFileHandle _handle;
        private readonly string _type;

        private FileSystemContext(SafeFileHandle handle, string type)
        {
            _handle = handle;
            _type = type;
        }

        public static FileSystemContext Open(string type)
        {
            fixed (byte* name = Libc.Terminated(type))
            {
                SafeFileHandle handle = Libc.OpenBy(Syscall.Fsopen, (nint)name, CloseOnExec)
                    ?? throw new SandboxException($"mount {type}", "fsopen", Libc.LastErrno);
                return new FileSystemContext(handle, type);
            }
        }

        /// <summary>Sets an option; false when the kernel refuses it.</summary>
        public bool TrySet(string key, string? value)
        {
            fixed (byte* keyBytes = Libc.Terminated(key))
            fixed (byte* valueBytes = Libc.Terminated(value ?? ""))
            {
                return Libc.SystemCall(
                    Syscall.Fsconfig.Number, _handle.Number(),
                    value is null ? Libc.FsConfigSetFlag : Libc.FsConfigSetString,
                    (nint)keyBytes, value is null ? 0 : (nint)valueBytes) >= 0;
            }
        }

        public void Set(string key, string? value)
        {
            if (!TrySet(key, value))
            {
                throw Failure($"mount {_type}: option {key}", "fsconfig");
            }
        }

        public DetachedMount Mount(ulong attributes)
        {
            if (Libc.SystemCall(Syscall.Fsconfig.Number, _handle.Number(), Libc.FsConfigCreate) < 0)
            {
                throw Failure($"mount {_type}", "fsconfig");
            }

            SafeFileHandle mount = Libc.OpenBy(Syscall.Fsmount, _handle.Number(), CloseOnExec, (nint)attributes)
                ?? throw Failure($"mount {_type}", "fsmount");
            return new DetachedMount(mount);
        }

        public void Dispose() => _handle.Dispose();

        // The kernel says in words what it did not like: "e overlay: ...".
        private SandboxException Failure(string operation, string syscall)
        {
            Errno errno = Libc.LastErrno;
            Span<byte> text = stackalloc byte[512];
            int count = Libc.ReadSome(_handle, text);
            return count > 2
                ? new SandboxException(
                    $"{operation}: {System.Text.Encoding.UTF8.GetString(text[2..count]).TrimEnd()}", syscall, errno)
                : new SandboxException(operation, syscall, errno);
        }
    }
}
