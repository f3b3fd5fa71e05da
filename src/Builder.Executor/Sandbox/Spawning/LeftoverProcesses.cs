// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// Ends what a command without a pid namespace left running. Such a command adopts the orphans below it (it is a
/// subreaper), and so does this process: children that nobody here started are orphans of a command that has ended.
/// Source: PR_SET_CHILD_SUBREAPER(2const).
/// </summary>
internal static class LeftoverProcesses
{
    private const int DeadlineMilliseconds = 10_000;

    private static int s_ended;

    /// <summary>Lets orphans come to this process instead of process 1. Once is enough.</summary>
    public static void Adopt() => _ = Libc.Prctl(Libc.PrSetChildSubreaper, 1);

    /// <summary>Kills and reaps orphans until there are none. Call it when a command has ended.</summary>
    /// <exception cref="SandboxException">They multiply faster than they can be killed.</exception>
    public static void Kill()
    {
        int ended = Interlocked.Increment(ref s_ended);
        long deadline = Environment.TickCount64 + DeadlineMilliseconds;
        for (var pause = new SpinWait(); KillOnce() > 0; pause.SpinOnce())
        {
            // Those of another command that has ended in the meantime are no sign of multiplication.
            int now = Volatile.Read(ref s_ended);
            if (now != ended)
            {
                ended = now;
                deadline = Environment.TickCount64 + DeadlineMilliseconds;
            }
            else if (Environment.TickCount64 > deadline)
            {
                throw new SandboxException("end the processes that the command left: they make new ones all the time")
                {
                    Hint = "a limit stops that: --ulimit nproc=N",
                };
            }
        }
    }

    /// <summary>Reaps the orphans that have ended, and ends none.</summary>
    public static void Reap() => Spawner.Shared.Invoke(() =>
    {
        foreach (int child in Children().Where(child => !SpawnedProcess.IsKnown(child) && FieldsOf(child) is { State: 'Z' }))
        {
            Reap(child, Libc.WaitNoHang);
        }

        return 0;
    });

    // On the spawning thread: no process is between clone and being known.
    private static int KillOnce() => Spawner.Shared.Invoke(() =>
    {
        int count = 0;
        foreach (int child in Children())
        {
            if (SpawnedProcess.IsKnown(child) || IsElsewhere(child) || IsTraced(child))
            {
                continue;
            }

            if (FieldsOf(child) is { State: 'Z' })
            {
                // It makes nothing any more; one that a tracer has not let go cannot be reaped yet.
                Reap(child, Libc.WaitNoHang);
                continue;
            }

            // Not waited for here: it may be traced by another one, which is to be killed first.
            count++;
            _ = Libc.Kill(child, Libc.SigKill);
        }

        return count;
    });

    private static unsafe void Reap(int child, int options) => _ = Libc.Wait4(child, null, options | Libc.WaitAll, null);

    // As process 1 of a pod this process adopts everybody's orphans: one whose root is ours is no step's.
    private static bool IsElsewhere(int process)
    {
        try
        {
            return File.ResolveLinkTarget(
                string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/root"), returnFinalTarget: false)
                is { FullName: "/" };
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // It belongs to a step of the trace rung, whose tracer is a thread of this process and ends it. A step's processes can
    // trace each other, too.
    private static bool IsTraced(int process)
    {
        const string Field = "TracerPid:";
        try
        {
            string? line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status"))
                .FirstOrDefault(text => text.StartsWith(Field, StringComparison.Ordinal));
            return line is not null && Directory.Exists($"/proc/self/task/{line.AsSpan(Field.Length).Trim()}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // A step's processes are in sessions of their own; what shares ours was started by this process in another way.
    private static List<int> Children()
    {
        var children = new List<int>();
        int self = Environment.ProcessId;
        int session = FieldsOf(self)?.Session ?? 0;
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                && FieldsOf(pid) is { } fields && fields.Parent == self && fields.Session != session)
            {
                children.Add(pid);
            }
        }

        return children;
    }

    // "PID (NAME) STATE PARENT GROUP SESSION ...": the name may hold anything, ')' too. Source: proc_pid_stat(5).
    private static (char State, int Parent, int Session)? FieldsOf(int pid)
    {
        try
        {
            string text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 3
                ? (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), int.Parse(fields[3], CultureInfo.InvariantCulture))
                : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended in the meantime
        }
    }
}
