// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// struct user_regs_struct of x86-64: the registers of a stopped thread. All that depends on the machine is here and in
/// <see cref="CallNumbers"/>. Source: sys/user.h, and the calling convention of syscall(2).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TraceRegisters
{
    /// <summary>The length of the instruction that makes a call.</summary>
    public const int CallInstructionBytes = 2;

    /// <summary>Bytes below the stack pointer that belong to the running function.</summary>
    public const int RedZoneBytes = 128;

    public ulong R15;
    public ulong R14;
    public ulong R13;
    public ulong R12;
    public ulong Rbp;
    public ulong Rbx;
    public ulong R11;
    public ulong R10;
    public ulong R9;
    public ulong R8;
    public ulong Rax;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;
    public ulong OriginalRax;
    public ulong Rip;
    public ulong Cs;
    public ulong Flags;
    public ulong Rsp;
    public ulong Ss;
    public ulong FsBase;
    public ulong GsBase;
    public ulong Ds;
    public ulong Es;
    public ulong Fs;
    public ulong Gs;

    /// <summary>The call's number; -1 leaves it out, and <see cref="Result"/> is what it gives.</summary>
    public int Number
    {
        readonly get => (int)OriginalRax;
        set => OriginalRax = unchecked((ulong)(long)value);
    }

    /// <summary>What the call gives.</summary>
    public long Result
    {
        readonly get => (long)Rax;
        set => Rax = (ulong)value;
    }

    /// <summary>An argument.</summary>
    public readonly ulong Argument(int index) => index switch
    {
        0 => Rdi,
        1 => Rsi,
        2 => Rdx,
        3 => R10,
        4 => R8,
        _ => R9,
    };

    /// <summary>Changes an argument.</summary>
    public void SetArgument(int index, ulong value)
    {
        switch (index)
        {
            case 0: Rdi = value; break;
            case 1: Rsi = value; break;
            case 2: Rdx = value; break;
            case 3: R10 = value; break;
            case 4: R8 = value; break;
            default: R9 = value; break;
        }
    }

    /// <summary>Makes the thread repeat its call.</summary>
    public void Repeat()
    {
        Rip -= CallInstructionBytes;
        Rax = OriginalRax;
    }
}
