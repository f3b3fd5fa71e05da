// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// The kernel's own fence around a step. All files are opened by this process, so that a step needs nothing of the file
/// system but to execute what lies in its root; everything else is forbidden, together with signals, ptrace and abstract
/// sockets to the outside. Whatever a race made of the tracer's answers, it would end here. Source: landlock(7).
/// </summary>
internal static unsafe class LandlockRules
{
    private const int VersionFlag = 1; // LANDLOCK_CREATE_RULESET_VERSION
    private const int PathBeneath = 1; // LANDLOCK_RULE_PATH_BENEATH
    private const ulong Execute = 1;
    private const ulong ReadFile = 4;
    private const ulong MakeSocket = 1 << 9;
    private const ulong Version1Rights = (1 << 13) - 1;
    private const ulong Refer = 1 << 13;
    private const ulong Truncate = 1 << 14;
    private const ulong IoctlDevice = 1 << 15;
    private const ulong ScopeAbstractSocketsAndSignals = 3;

    /// <summary>The version that the kernel has; 0 when it has none.</summary>
    public static int Version { get; } = (int)Math.Max(
        HostCall.Invoke(CallNumbers.LandlockCreateRuleset, 0, 0, VersionFlag), 0);

    /// <summary>Makes the rules of a step; null where the kernel has none.</summary>
    /// <param name="executable">What may be executed, and hold sockets.</param>
    public static FileDescriptor? Create(IEnumerable<int> executable)
    {
        if (Version == 0)
        {
            return null;
        }

        var rights = new RulesetAttributes
        {
            FileSystem = Version1Rights | (Version >= 2 ? Refer : 0) | (Version >= 3 ? Truncate : 0)
                | (Version >= 5 ? IoctlDevice : 0),
            Scoped = Version >= 6 ? ScopeAbstractSocketsAndSignals : 0,
        };
        long made = HostCall.Invoke(
            CallNumbers.LandlockCreateRuleset, (nint)(&rights), Version >= 6 ? 24 : Version >= 4 ? 16 : 8, 0);
        if (made < 0)
        {
            throw new SandboxException("make landlock rules", "landlock_create_ruleset", (Errno)(-made));
        }

        var rules = new FileDescriptor((int)made);
        foreach (int directory in executable)
        {
            _ = HostCall.Status(directory, out FileStatus status);
            var rule = new PathRule
            {
                Allowed = Execute | ReadFile | (status.IsDirectory ? MakeSocket : 0),
                Directory = directory,
            };
            long result = HostCall.Invoke(CallNumbers.LandlockAddRule, rules.Value, PathBeneath, (nint)(&rule));
            if (result < 0)
            {
                rules.Dispose();
                throw new SandboxException("make landlock rules", "landlock_add_rule", (Errno)(-result));
            }
        }

        return rules;
    }

    /// <summary>The row that puts a process behind the fence; after no_new_privs.</summary>
    public static void Append(SyscallProgramme programme, FileDescriptor rules) => programme.Add(
        "restrict file access",
        new Syscall("landlock_restrict_self", CallNumbers.LandlockRestrictSelf, CallNumbers.LandlockRestrictSelf),
        rules.Value);

    [StructLayout(LayoutKind.Sequential)]
    private struct RulesetAttributes
    {
        public ulong FileSystem;
        public ulong Network;
        public ulong Scoped;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct PathRule
    {
        public ulong Allowed;
        public int Directory;
    }
}
