// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>What the stub is called with. The assembly source knows these offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StubHeader
{
    public ulong CloneFlags; // 0
    public nint Stack; // 8
    public nint PidFd; // 16
    public nint Rows; // 24
    public long Count; // 32
    public long ErrorDescriptor; // 40
    public long FailedRow; // 48
    public long FailedErrno; // 56
}

/// <summary>A row as the stub reads it, 88 bytes. The assembly source knows these offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StubRow
{
    public const long MayFail = 1;
    public const long EndsParent = 2;

    public long Number; // 0
    public nint A0; // 8
    public nint A1;
    public nint A2;
    public nint A3;
    public nint A4;
    public nint A5; // 48
    public nint Result; // 56
    public long Flags; // 64
    public long SkipOnSuccess; // 72
    public long SkipOnError; // 80
}
