// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Chroot;

/// <summary>
/// A Landlock domain that allows everything below one directory and nothing else: no file elsewhere can be opened, made or
/// removed, no process outside traced and, from ABI 6 on (Linux 6.12), none signalled or reached by an abstract socket. It
/// binds root as well. Source: the kernel's userspace-api/landlock.rst.
/// </summary>
internal sealed unsafe class LandlockRuleset : IDisposable
{
    /// <summary>Below this every rename between directories is refused, which no package manager survives.</summary>
    public const int LowestAbi = 2;

    private const int VersionFlag = 1; // LANDLOCK_CREATE_RULESET_VERSION
    private const int RulePathBeneath = 1;
    private const int AbiTruncate = 3;
    private const int AbiDeviceControl = 5;
    private const int AbiScope = 6;
    private const int RightsOfLowestAbi = 14;
    private const ulong ScopeAbstractSocketsAndSignals = 0b11;

    private readonly FileDescriptor _ruleset;

    private LandlockRuleset(FileDescriptor ruleset)
    {
        _ruleset = ruleset;
    }

    /// <summary>The kernel's version of Landlock; 0 when there is none, or it is not to be had.</summary>
    public static int FindAbi() => (int)Math.Max(0, Libc.SystemCall(Syscall.LandlockCreateRuleset.Number, 0, 0, VersionFlag));

    /// <summary>Makes a domain, or null where Landlock is not to be had.</summary>
    /// <param name="directory">What it allows.</param>
    public static LandlockRuleset? TryCreate(FileDescriptor directory)
    {
        int abi = FindAbi();
        if (abi < LowestAbi)
        {
            return null;
        }

        int rights = RightsOfLowestAbi + (abi >= AbiTruncate ? 1 : 0) + (abi >= AbiDeviceControl ? 1 : 0);
        ulong access = (1UL << rights) - 1;

        // struct landlock_ruleset_attr: handled_access_fs, handled_access_net, scoped; older kernels want it shorter.
        ulong* attributes = stackalloc ulong[3] { access, 0, ScopeAbstractSocketsAndSignals };
        nint size = (abi >= AbiScope ? 3 : 1) * sizeof(ulong);
        int descriptor = (int)Libc.SystemCall(Syscall.LandlockCreateRuleset.Number, (nint)attributes, size, 0);
        if (descriptor < 0)
        {
            return null;
        }

        var ruleset = new LandlockRuleset(new FileDescriptor(descriptor));

        // struct landlock_path_beneath_attr, packed: allowed_access 8, parent_fd 4.
        byte* rule = stackalloc byte[12];
        *(ulong*)rule = access;
        *(int*)(rule + 8) = directory.Value;
        if (Libc.SystemCall(Syscall.LandlockAddRule.Number, descriptor, RulePathBeneath, (nint)rule, 0) != 0)
        {
            Errno errno = Libc.LastErrno;
            ruleset.Dispose();
            throw new SandboxException("allow the root file system", Syscall.LandlockAddRule.Name, errno);
        }

        return ruleset;
    }

    /// <summary>Appends the row that enters the domain; after no_new_privs, before descriptors are closed.</summary>
    public void Restrict(SyscallProgramme programme) =>
        programme.Add("enter the Landlock domain", Syscall.LandlockRestrictSelf, _ruleset.Value, 0);

    /// <inheritdoc/>
    public void Dispose() => _ruleset.Dispose();
}
