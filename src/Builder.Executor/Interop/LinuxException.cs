// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend;

namespace Builder.Executor.Interop;

/// <summary>A system call failed in a way that the caller has no better words for.</summary>
public sealed class LinuxException : BuildException
{
    /// <summary>Creates the failure; <paramref name="path"/> is what the call was about, or null.</summary>
    public LinuxException(string syscall, Errno errno, string? path = null)
        : base(path is null
            ? string.Create(CultureInfo.InvariantCulture, $"{syscall}: {ErrnoText.Describe(errno)}")
            : string.Create(CultureInfo.InvariantCulture, $"{syscall} {path}: {ErrnoText.Describe(errno)}"))
    {
        Syscall = syscall;
        Errno = errno;
        Path = path;
        Hint = errno switch
        {
            Errno.ENOSPC => "free some space on the disk that holds the store, or move it with --root",
            Errno.EDQUOT => "the disk quota is used up: free some space, or move the store with --root",
            Errno.EROFS => "the file system is read-only: move the store to a writable one with --root",
            Errno.EMFILE or Errno.ENFILE => "raise the limit of open files (ulimit -n)",
            _ => null,
        };
    }

    /// <summary>
    /// The failure behind an exception of .NET's own file classes, when the disk is what failed: full, over quota, read-only,
    /// broken; null for any other.
    /// </summary>
    public static LinuxException? FromDisk(IOException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        var errno = (Errno)failure.HResult;
        return errno is Errno.ENOSPC or Errno.EDQUOT or Errno.EROFS or Errno.EIO
            ? new LinuxException("write to the store", errno)
            : null;
    }

    /// <summary>The call, as its manual page names it.</summary>
    public string Syscall { get; }

    /// <summary>The kernel's answer.</summary>
    public Errno Errno { get; }

    /// <summary>The path that the call was about, or null.</summary>
    public string? Path { get; }
}
