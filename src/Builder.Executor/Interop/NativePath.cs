// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;

namespace Builder.Executor.Interop;

/// <summary>Names as the kernel takes them: bytes that end with NUL.</summary>
internal static class NativePath
{
    /// <summary>What callers put on the stack; longer names go to the heap.</summary>
    public const int InlineBytes = 512;

    /// <summary>Copies a name and its NUL into <paramref name="buffer"/>, or into a new array when it is too long.</summary>
    /// <exception cref="LinuxException">The name holds a NUL.</exception>
    public static Span<byte> Terminate(ReadOnlySpan<byte> name, Span<byte> buffer)
    {
        if (name.Contains((byte)0))
        {
            throw new LinuxException("use the name", Errno.EINVAL, PathEncoding.Decode(name));
        }

        Span<byte> target = name.Length < buffer.Length ? buffer : new byte[name.Length + 1];
        name.CopyTo(target);
        target[name.Length] = 0;
        return target;
    }
}
