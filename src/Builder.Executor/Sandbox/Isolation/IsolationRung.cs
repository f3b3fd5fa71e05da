// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>How commands are isolated, from the machine's root down to a pod that allows next to nothing.</summary>
public enum IsolationRung
{
    /// <summary>Namespaces by the machine's root: real owners.</summary>
    Native,

    /// <summary>A user namespace with many ids: real, shifted owners.</summary>
    UserNamespace,

    /// <summary>A user namespace with one id: owners are kept in a ledger.</summary>
    SingleIdUserNamespace,

    /// <summary>Root without namespaces: chroot.</summary>
    Chroot,

    /// <summary>Nothing but ptrace and seccomp.</summary>
    Trace,
}

/// <summary>Names of rungs, as <c>--isolation</c> takes them.</summary>
public static class IsolationRungs
{
    private static readonly string[] s_names = ["native", "userns", "userns-single", "chroot", "trace"];

    /// <summary>The name of a rung.</summary>
    public static string NameOf(IsolationRung rung) => s_names[(int)rung];

    /// <summary>Reads a name; null stands for "auto".</summary>
    /// <exception cref="SandboxException">There is no such rung.</exception>
    public static IsolationRung? Parse(string? name)
    {
        if (name is null or "" or "auto")
        {
            return null;
        }

        int index = Array.IndexOf(s_names, name);
        return index >= 0
            ? (IsolationRung)index
            : throw new SandboxException($"isolation \"{name}\": there is no such rung")
            {
                Hint = $"auto, {string.Join(", ", s_names)}",
            };
    }
}
