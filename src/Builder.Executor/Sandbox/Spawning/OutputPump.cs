// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>Reads a process's output pipes until it has ended and they are empty. One thread, poll(2).</summary>
internal static unsafe class OutputPump
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>Receives a piece of output.</summary>
    public delegate void Sink(bool isStandardError, ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Pumps. Processes that the command left behind and that still hold the pipes are not waited for.
    /// False when the deadline (of <see cref="Environment.TickCount64"/>) passed first.
    /// </summary>
    public static bool Run(
        SpawnedProcess process, SafeFileHandle? output, SafeFileHandle? error, Sink sink, long deadline,
        SafeFileHandle? input = null, ReadOnlyMemory<byte> inputBytes = default)
    {
        byte[] buffer = new byte[BufferBytes];
        Libc.PollDescriptor* descriptors = stackalloc Libc.PollDescriptor[4];
        SetUp(process, output, error, input, descriptors);
        if (input is not null)
        {
            Libc.SetNonBlocking(input);
        }

        while (true)
        {
            long left = deadline == long.MaxValue ? -1 : Math.Max(0, deadline - Environment.TickCount64);
            int ready = Libc.Poll(descriptors, 4, (int)Math.Min(left, int.MaxValue));
            if (ready == 0)
            {
                return false;
            }

            ReadIfReady(ref descriptors[0], output, isError: false, buffer, sink);
            ReadIfReady(ref descriptors[1], error, isError: true, buffer, sink);
            if (descriptors[2].Fd >= 0 && descriptors[2].Returned != 0)
            {
                inputBytes = WriteInput(ref descriptors[2], input!, inputBytes);
            }

            bool outputsDone = descriptors[0].Fd < 0 && descriptors[1].Fd < 0;
            if (descriptors[3].Returned != 0 && (outputsDone || ready == 1))
            {
                return true; // it has ended, and only that was to be reported: the pipes are empty
            }
        }
    }

    private static void SetUp(
        SpawnedProcess process, SafeFileHandle? output, SafeFileHandle? error, SafeFileHandle? input,
        Libc.PollDescriptor* descriptors)
    {
        descriptors[0] = Describe(output, Libc.PollIn);
        descriptors[1] = Describe(error, Libc.PollIn);
        descriptors[2] = Describe(input, Libc.PollOut);
        descriptors[3] = Describe(process.EndDescriptor, Libc.PollIn);
    }

    private static Libc.PollDescriptor Describe(SafeFileHandle? handle, short events) =>
        new() { Fd = handle is null ? -1 : (int)handle.DangerousGetHandle(), Events = events };

    private static void ReadIfReady(
        ref Libc.PollDescriptor descriptor, SafeFileHandle? handle, bool isError, byte[] buffer, Sink sink)
    {
        if (descriptor.Fd < 0 || descriptor.Returned == 0)
        {
            return;
        }

        int count = Libc.ReadSome(handle!, buffer);
        if (count > 0)
        {
            sink(isError, buffer.AsSpan(0, count));
        }
        else
        {
            descriptor.Fd = -1;
            descriptor.Returned = 0;
        }
    }

    private static ReadOnlyMemory<byte> WriteInput(
        ref Libc.PollDescriptor descriptor, SafeFileHandle handle, ReadOnlyMemory<byte> bytes)
    {
        int count = bytes.IsEmpty ? 0 : Libc.WriteSome(handle, bytes.Span);
        if (count == -(int)Errno.EAGAIN)
        {
            return bytes;
        }

        bytes = count > 0 ? bytes[count..] : default;
        if (bytes.IsEmpty)
        {
            descriptor.Fd = -1;
            descriptor.Returned = 0;
            handle.Dispose();
        }

        return bytes;
    }
}
