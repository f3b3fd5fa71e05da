// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>The filter that asks the ledger: identities, owners, devices, and what shows them again.</summary>
internal static class LedgerFilter
{
    private const uint CreateFlag = OpenFlags.Create;
    private const uint KeepCapabilities = 8; // PR_SET_KEEPCAPS

    private const string Always =
        "chown lchown fchown fchownat setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups"
        + " capset getuid geteuid getgid getegid getresuid getresgid getgroups stat lstat fstat newfstatat statx"
        + " creat mkdir mkdirat symlink symlinkat setsid";

    private static readonly Lazy<BpfInstruction[]> s_filter = new(Build);

    /// <summary>The filter; made once.</summary>
    public static BpfInstruction[] Filter => s_filter.Value;

    private static BpfInstruction[] Build()
    {
        var rules = new List<SeccompRule>();
        rules.AddRange(Always.Split(' ').Select(name => new SeccompRule(name, SeccompAction.Notify)));
        rules.Add(When("mknod", Device(1, FileType.CharacterDevice), Device(1, FileType.BlockDevice)));
        rules.Add(When("mknodat", Device(2, FileType.CharacterDevice), Device(2, FileType.BlockDevice)));
        rules.Add(When("open", new ArgumentCondition(1, ArgumentTest.AnyOf, CreateFlag)));
        rules.Add(When("openat", new ArgumentCondition(2, ArgumentTest.AnyOf, CreateFlag)));
        rules.Add(When("prctl", new ArgumentCondition(0, ArgumentTest.Equal, KeepCapabilities)));

        // It would do file operations that nobody sees.
        rules.Add(new SeccompRule("io_uring_setup", SeccompAction.Fail(Errno.ENOSYS)));
        return SeccompFilter.Build(rules, SeccompAction.Allow, SeccompAction.Allow, SeccompAction.Allow, nativeOnly: true);
    }

    private static SeccompRule When(string name, params ReadOnlySpan<ArgumentCondition> anyOf) =>
        new(name, SeccompAction.Notify, [.. anyOf], SeccompAction.Allow);

    private static ArgumentCondition Device(int argument, int type) =>
        new(argument, ArgumentTest.FileType, (uint)type);
}
