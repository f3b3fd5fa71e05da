// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox.Chroot;

/// <summary>
/// Hides this process from commands that see it because they share its process ids, and may have its user id: nobody
/// without CAP_SYS_PTRACE can trace it or read its memory, environment and descriptors in /proc.
/// </summary>
internal static class BuilderShield
{
    /// <summary>Raises it for the life of the process. Idempotent.</summary>
    public static void Raise() => Spawner.Shared.Invoke(() =>
    {
        // On the spawning thread, which puts back what it found after each spawn.
        LeftoverProcesses.Adopt();
        return Libc.Prctl(Libc.PrSetDumpable, 0);
    });
}
