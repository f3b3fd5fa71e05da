// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Seccomp;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Filters, run by an interpreter of classic BPF as the kernel would.</summary>
public sealed class SeccompFilterTests
{
    private const uint X64 = 0xC000003E;
    private const uint X86 = 0x40000003;
    private const uint Allow = 0x7fff0000;

    private static readonly BpfInstruction[] s_default = DefaultSeccompProfile.Build(CapabilitySet.Default);

    private static uint Denied => 0x00050000u | (uint)Errno.EPERM;

    private static uint Unknown => 0x00050000u | (uint)Errno.ENOSYS;

    [Theory]
    [InlineData("read")]
    [InlineData("execve")]
    [InlineData("chown")]
    [InlineData("ptrace")]
    [InlineData("chroot")]
    [InlineData("fchmodat2")]
    [InlineData("arch_prctl")]
    public void Ordinary_calls_are_allowed(string name) => Assert.Equal(Allow, Run(s_default, name));

    [Theory]
    [InlineData("mount")]
    [InlineData("unshare")]
    [InlineData("setns")]
    [InlineData("pivot_root")]
    [InlineData("keyctl")]
    [InlineData("kexec_load")]
    [InlineData("init_module")]
    [InlineData("io_uring_setup")]
    [InlineData("userfaultfd")]
    [InlineData("open_by_handle_at")]
    [InlineData("bpf")]
    [InlineData("reboot")]
    public void Calls_that_reach_the_machine_are_refused(string name)
    {
        Assert.Equal(Denied, Run(s_default, name));
        if (SyscallNumbers.Find(name, SyscallAbi.X86) is { } number)
        {
            Assert.Equal(Denied, Run(s_default, X86, (uint)number));
        }
    }

    [Fact]
    public void Namespaces_are_refused_by_clone_s_flags_and_hidden_ones_of_clone3_by_ENOSYS()
    {
        Assert.Equal(Allow, Run(s_default, "clone", 0x3d0f00 /* a thread */));
        Assert.Equal(Denied, Run(s_default, "clone", 0x10000011 /* CLONE_NEWUSER */));
        Assert.Equal(Unknown, Run(s_default, "clone3"));
    }

    [Fact]
    public void Arguments_decide_for_socket_and_personality()
    {
        Assert.Equal(Allow, Run(s_default, "socket", 2));
        Assert.Equal(Denied, Run(s_default, "socket", 40 /* AF_VSOCK */));
        Assert.Equal(Allow, Run(s_default, "personality", 0x20008));
        Assert.Equal(Denied, Run(s_default, "personality", 0x40000 /* ADDR_NO_RANDOMIZE */));
    }

    [Fact]
    public void Capabilities_open_their_calls()
    {
        BpfInstruction[] administrator = DefaultSeccompProfile.Build(
            CapabilitySet.Default.With(CapabilitySet.Of(Capability.SysAdmin)));

        Assert.Equal(Allow, Run(administrator, "mount"));
        Assert.Equal(Allow, Run(administrator, "clone3"));
        Assert.Equal(Denied, Run(administrator, "reboot"));
        Assert.Equal(Denied, Run(DefaultSeccompProfile.Build(CapabilitySet.Empty), "chroot"));
    }

    [Fact]
    public void Calls_newer_than_the_table_and_foreign_machines_do_not_exist()
    {
        Assert.Equal(Unknown, Run(s_default, X64, 9999));
        Assert.Equal(Unknown, Run(s_default, X64, 0x40000001 /* x32 */));
        Assert.Equal(Unknown, Run(s_default, 0xC00000B7 /* arm64 */, 0));
    }

    [Fact]
    public void The_filter_is_small_enough_for_the_kernel() => Assert.InRange(s_default.Length, 100, 4096);

    private static uint Run(BpfInstruction[] filter, string name, uint argument = 0) =>
        Run(filter, X64, (uint)SyscallNumbers.Find(name, SyscallAbi.X64)!.Value, argument);

    private static uint Run(BpfInstruction[] filter, uint architecture, uint number, uint argument = 0)
    {
        uint[] data = new uint[16];
        data[0] = number;
        data[1] = architecture;
        data[4] = argument;
        uint accumulator = 0;
        for (int i = 0; ; i++)
        {
            BpfInstruction instruction = filter[i];
            switch (instruction.Code)
            {
                case 0x20:
                    accumulator = data[instruction.Constant / 4];
                    break;
                case 0x54:
                    accumulator &= instruction.Constant;
                    break;
                case 0x05:
                    i += (int)instruction.Constant;
                    break;
                case 0x06:
                    return instruction.Constant;
                default:
                    bool holds = instruction.Code switch
                    {
                        0x15 => accumulator == instruction.Constant,
                        0x35 => accumulator >= instruction.Constant,
                        _ => (accumulator & instruction.Constant) != 0,
                    };
                    i += holds ? instruction.JumpTrue : instruction.JumpFalse;
                    break;
            }
        }
    }
}
