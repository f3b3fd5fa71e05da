// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Who the process is and what it may do.</summary>
internal static unsafe class IdentityRows
{
    private const uint CapabilityVersion3 = 0x20080522;
    private const int AmbientClearAll = 4;
    private const int Umask = 0b000_010_010; // 022

    /// <summary>Takes capabilities out of the bounding set: nothing executed later can have them.</summary>
    public static void DropBounding(SyscallProgramme programme, CapabilitySet keep)
    {
        for (int capability = 0; capability < 64; capability++)
        {
            if ((keep.Bits & (1UL << capability)) == 0)
            {
                // A number that this kernel does not know fails with EINVAL; so do all after it.
                programme.Try("drop capabilities", Syscall.Prctl, Libc.PrCapBsetDrop, capability);
                if (capability > (int)Capability.CheckpointRestore)
                {
                    break;
                }
            }
        }
    }

    /// <summary>Becomes a user.</summary>
    public static void Become(SyscallProgramme programme, SandboxUser user)
    {
        nint groups = programme.Block(Math.Max(user.Groups.Length, 1) * sizeof(uint));
        user.Groups.AsSpan().CopyTo(new Span<uint>((void*)groups, user.Groups.Length));
        programme.Add("set supplementary groups", Syscall.Setgroups, user.Groups.Length, groups);
        programme.Add(
            $"set group {user.GroupId}", Syscall.Setresgid, (nint)user.GroupId, (nint)user.GroupId, (nint)user.GroupId);
        programme.Add(
            $"set user {user.UserId}", Syscall.Setresuid, (nint)user.UserId, (nint)user.UserId, (nint)user.UserId);
        ProcessRows.DieWithParent(programme);
    }

    /// <summary>Sets the permitted and effective capabilities; none are inheritable or ambient.</summary>
    public static void SetCapabilities(SyscallProgramme programme, CapabilitySet capabilities)
    {
        programme.Try("clear ambient capabilities", Syscall.Prctl, Libc.PrCapAmbient, AmbientClearAll);
        ReadOnlySpan<uint> header = [CapabilityVersion3, 0];
        uint low = (uint)capabilities.Bits;
        uint high = (uint)(capabilities.Bits >> 32);
        ReadOnlySpan<uint> data = [low, low, 0, high, high, 0]; // effective, permitted, inheritable, twice
        programme.Add(
            "set capabilities", Syscall.Capset, programme.Bytes(MemoryMarshal.AsBytes(header)),
            programme.Bytes(MemoryMarshal.AsBytes(data)));
    }

    /// <summary>The mask of new files' modes.</summary>
    public static void SetUmask(SyscallProgramme programme) => programme.Add("set umask", Syscall.Umask, Umask);

    /// <summary>execve never gives more rights from here on.</summary>
    public static void SetNoNewPrivileges(SyscallProgramme programme) =>
        programme.Add("set no_new_privs", Syscall.Prctl, Libc.PrSetNoNewPrivs, 1);
}
