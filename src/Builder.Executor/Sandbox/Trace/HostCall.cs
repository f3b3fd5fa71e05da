// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// System calls that this process makes in a traced one's place. Results are the kernel's own: a value, or a negated
/// errno. Nothing here throws: what fails, fails for the traced process.
/// </summary>
internal static unsafe class HostCall
{
    private const int DescriptorPathBytes = 32;
    private const int Attempts = 1000;

    /// <summary>Any call.</summary>
    public static long Invoke(
        int number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0)
    {
        nint result;
        do
        {
            result = Libc.SystemCall(number, a0, a1, a2, a3, a4, a5);
        }
        while (result == -1 && Libc.LastErrno == Errno.EINTR);
        return result == -1 ? -(long)Libc.LastErrno : result;
    }

    /// <summary>A call of the form (directory, path, ...).</summary>
    public static long At(int number, int directory, ReadOnlySpan<byte> path, nint a2 = 0, nint a3 = 0, nint a4 = 0)
    {
        fixed (byte* bytes = NativePath.Terminate(path, stackalloc byte[NativePath.InlineBytes]))
        {
            return Invoke(number, directory, (nint)bytes, a2, a3, a4);
        }
    }

    /// <summary>A call of the form (path, ...) on the file that a descriptor holds, be it as a mere reference.</summary>
    public static long OnHeld(int number, int descriptor, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0)
    {
        byte* path = stackalloc byte[DescriptorPathBytes];
        FormatDescriptor(descriptor, path);
        return Invoke(number, (nint)path, a1, a2, a3, a4);
    }

    /// <summary>A call of the form (AT_FDCWD, path, ...) on the file that a descriptor holds.</summary>
    public static long AtHeld(int number, int descriptor, nint a2 = 0, nint a3 = 0, nint a4 = 0)
    {
        byte* path = stackalloc byte[DescriptorPathBytes];
        FormatDescriptor(descriptor, path);
        return Invoke(number, Libc.AtFdCwd, (nint)path, a2, a3, a4);
    }

    /// <summary>linkat(2) of the file that a descriptor holds.</summary>
    public static long LinkHeld(int descriptor, int directory, ReadOnlySpan<byte> name)
    {
        byte* source = stackalloc byte[DescriptorPathBytes];
        FormatDescriptor(descriptor, source);
        fixed (byte* target = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Invoke(
                CallNumbers.Linkat, Libc.AtFdCwd, (nint)source, directory, (nint)target, 0x400 /* AT_SYMLINK_FOLLOW */);
        }
    }

    /// <summary>A call of the form (directory, path, directory, path, flags).</summary>
    public static long AtAt(
        int number, int fromDirectory, ReadOnlySpan<byte> from, int toDirectory, ReadOnlySpan<byte> to, nint flags)
    {
        fixed (byte* fromPath = NativePath.Terminate(from, stackalloc byte[NativePath.InlineBytes]))
        fixed (byte* toPath = NativePath.Terminate(to, stackalloc byte[NativePath.InlineBytes]))
        {
            return Invoke(number, fromDirectory, (nint)fromPath, toDirectory, (nint)toPath, flags);
        }
    }

    /// <summary>symlinkat(2).</summary>
    public static long Symlink(ReadOnlySpan<byte> text, int directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* textPath = NativePath.Terminate(text, stackalloc byte[NativePath.InlineBytes]))
        fixed (byte* path = NativePath.Terminate(name, stackalloc byte[NativePath.InlineBytes]))
        {
            return Invoke(CallNumbers.Symlinkat, (nint)textPath, directory, (nint)path);
        }
    }

    /// <summary>openat(2).</summary>
    public static long Open(int directory, ReadOnlySpan<byte> path, int flags, int mode = 0) =>
        At(CallNumbers.Openat, directory, path, flags | OpenFlags.CloseOnExec, mode);

    /// <summary>openat2(2).</summary>
    public static long OpenResolved(int directory, ReadOnlySpan<byte> path, int flags, ulong resolve)
    {
        var how = new OpenHow { Flags = (ulong)(uint)(flags | OpenFlags.CloseOnExec), Resolve = resolve };
        fixed (byte* bytes = NativePath.Terminate(path, stackalloc byte[NativePath.InlineBytes]))
        {
            long result = 0;
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                // EAGAIN: a rename elsewhere raced with ".."; the kernel asks to try again.
                result = Invoke(CallNumbers.Openat2, directory, (nint)bytes, (nint)(&how), sizeof(OpenHow));
                if (result != -(long)Errno.EAGAIN)
                {
                    return result;
                }
            }

            return result;
        }
    }

    /// <summary>Opens the file that a descriptor holds once more, with other flags.</summary>
    public static long Reopen(int descriptor, int flags) =>
        AtHeld(CallNumbers.Openat, descriptor, flags | OpenFlags.CloseOnExec);

    /// <summary>A reference to the file that a descriptor of another thread means.</summary>
    public static long OpenOfThread(int threadId, int descriptor)
    {
        byte* path = stackalloc byte[2 * DescriptorPathBytes];
        var target = new Span<byte>(path, 2 * DescriptorPathBytes);
        "/proc/"u8.CopyTo(target);
        System.Buffers.Text.Utf8Formatter.TryFormat(threadId, target[6..], out int written);
        int length = 6 + written;
        "/fd/"u8.CopyTo(target[length..]);
        length += 4;
        System.Buffers.Text.Utf8Formatter.TryFormat(descriptor, target[length..], out written);
        target[length + written] = 0;
        return Invoke(CallNumbers.Openat, Libc.AtFdCwd, (nint)path, OpenFlags.Path | OpenFlags.CloseOnExec);
    }

    /// <summary>The status of the file that a descriptor holds.</summary>
    [SkipLocalsInit]
    public static long Status(int descriptor, out FileStatus status) => StatusAt(descriptor, [], out status);

    /// <summary>The status of a name; links are not followed.</summary>
    public static long StatusAt(int directory, ReadOnlySpan<byte> name, out FileStatus status)
    {
        fixed (FileStatus* result = &status)
        {
            return At(
                CallNumbers.Statx, directory, name, Libc.AtSymlinkNoFollow | (name.IsEmpty ? Libc.AtEmptyPath : 0),
                (nint)Libc.StatusBasicAndBirth, (nint)result);
        }
    }

    /// <summary>The text of a link; of the held link itself when the name is empty. Null when it cannot be read.</summary>
    public static byte[]? ReadLink(int directory, ReadOnlySpan<byte> name)
    {
        const int MaxBytes = 4096;
        byte* buffer = stackalloc byte[MaxBytes];
        long length = At(CallNumbers.Readlinkat, directory, name, (nint)buffer, MaxBytes);
        return length >= 0 ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray() : null;
    }

    /// <summary>Where the file that a descriptor holds lies on this machine.</summary>
    public static byte[]? PathOf(int descriptor)
    {
        const int MaxBytes = 4096;
        byte* buffer = stackalloc byte[MaxBytes];
        long length = AtHeld(CallNumbers.Readlinkat, descriptor, (nint)buffer, MaxBytes);
        return length >= 0 ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray() : null;
    }

    private static void FormatDescriptor(int descriptor, byte* path)
    {
        var target = new Span<byte>(path, DescriptorPathBytes);
        "/proc/self/fd/"u8.CopyTo(target);
        System.Buffers.Text.Utf8Formatter.TryFormat(descriptor, target[14..], out int written);
        target[14 + written] = 0;
    }
}
