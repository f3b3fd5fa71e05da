// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>Where a container's streams lead outside, in addition to its log.</summary>
public sealed class ContainerIo
{
    /// <summary>What it reads; null is nothing.</summary>
    public SafeFileHandle? Input { get; init; }

    /// <summary>Where its output is shown; null shows it nowhere.</summary>
    public SafeFileHandle? Output { get; init; }

    /// <summary>Where its errors are shown; null shows them nowhere.</summary>
    public SafeFileHandle? Error { get; init; }

    /// <summary>Nothing outside: what a monitor has.</summary>
    public static ContainerIo None { get; } = new();

    /// <summary>This process's own streams; they are not closed.</summary>
    public static ContainerIo Standard(bool withInput) => new()
    {
        Input = withInput ? new SafeFileHandle(0, ownsHandle: false) : null,
        Output = new SafeFileHandle(1, ownsHandle: false),
        Error = new SafeFileHandle(2, ownsHandle: false),
    };

    /// <summary>Shows output; a reader that went away is no error of the container.</summary>
    internal void Show(bool isStandardError, ReadOnlySpan<byte> bytes)
    {
        SafeFileHandle? target = isStandardError ? Error : Output;
        while (target is not null && bytes.Length > 0)
        {
            int count = Libc.WriteSome(target, bytes);
            if (count == -(int)Errno.EAGAIN)
            {
                WaitForRoom(target);
            }
            else if (count <= 0)
            {
                return;
            }
            else
            {
                bytes = bytes[count..];
            }
        }
    }

    /// <summary>Somebody else made the shared descriptor non-blocking.</summary>
    private static unsafe void WaitForRoom(SafeFileHandle target)
    {
        Libc.PollDescriptor poll = new() { Fd = (int)target.DangerousGetHandle(), Events = Libc.PollOut };
        _ = Libc.Poll(&poll, 1, -1);
    }
}
