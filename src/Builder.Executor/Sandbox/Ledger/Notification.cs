// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>struct seccomp_notif: a call that waits for an answer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Notification
{
    public ulong Id;
    public int ThreadId;
    public uint Flags;
    public int Number;
    public uint Architecture;
    public ulong InstructionPointer;
    public ulong A0;
    public ulong A1;
    public ulong A2;
    public ulong A3;
    public ulong A4;
    public ulong A5;
}

/// <summary>struct seccomp_notif_resp: the answer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NotificationResponse
{
    /// <summary>The kernel executes the call as if nobody had asked.</summary>
    public const uint Continue = 1;

    public ulong Id;
    public long Value;
    public int Error;
    public uint Flags;
}

/// <summary>struct seccomp_notif_addfd: a descriptor for the caller.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NotificationDescriptor
{
    /// <summary>The descriptor's number is the answer.</summary>
    public const uint Send = 2;

    public ulong Id;
    public uint Flags;
    public uint Source;
    public uint Target;
    public uint TargetFlags;
}

/// <summary>What the ledger decides.</summary>
/// <param name="IsContinued">The kernel executes the call.</param>
/// <param name="Value">The call's result: a negated errno, or a value.</param>
internal readonly record struct Answer(bool IsContinued, long Value)
{
    /// <summary>The kernel executes the call.</summary>
    public static Answer Continue => new(true, 0);

    /// <summary>The call seems to have succeeded.</summary>
    public static Answer Success => new(false, 0);

    /// <summary>An answer was given already.</summary>
    public static Answer Given => new(false, long.MinValue);

    /// <summary>The call seems to have failed.</summary>
    public static Answer Fail(Interop.Errno errno) => new(false, -(long)errno);

    /// <summary>The call seems to have given a value.</summary>
    public static Answer Of(long value) => new(false, value);
}
