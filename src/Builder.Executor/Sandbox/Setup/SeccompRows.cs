// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Installs system call filters.</summary>
internal static unsafe class SeccompRows
{
    private const int SetModeFilter = 1;

    /// <summary>Installs a filter; gives the row, whose result is the listener where the flags ask for one.</summary>
    public static int Install(SyscallProgramme programme, BpfInstruction[] filter, string label, int flags = 0)
    {
        nint instructions = programme.Bytes(MemoryMarshal.AsBytes(filter.AsSpan()));
        nint program = programme.Block(2 * sizeof(nint)); // struct sock_fprog: length, padding, address
        *(ushort*)program = (ushort)filter.Length;
        ((nint*)program)[1] = instructions;
        return programme.Add(label, Syscall.Seccomp, SetModeFilter, flags, program);
    }
}
