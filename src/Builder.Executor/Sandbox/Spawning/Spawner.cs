// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Stub;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// Starts processes, one at a time, all from one thread that lives as long as this process: a child's parent-death
/// signal is sent when the *thread* that made it ends. See docs/sandbox.md for why no managed code runs in a child.
/// </summary>
internal sealed unsafe class Spawner
{
    private const ulong SignalChild = 17; // SIGCHLD, the exit signal in clone(2)'s low byte
    private const ulong CloneVm = 0x100;
    private const ulong ClonePidfd = 0x1000;
    private const int StackBytes = 16 * 1024;
    private const int SignalBlockAll = 2; // SIG_SETMASK

    private static readonly Lazy<Spawner> s_shared = new(() => new Spawner(new DedicatedThread("spawner")));

    private readonly DedicatedThread _thread;

    private Spawner(DedicatedThread thread)
    {
        _thread = thread;
    }

    /// <summary>The process's one spawner: the thread is a resource of the process, as its id is.</summary>
    public static Spawner Shared => s_shared.Value;

    /// <summary>Runs something on the spawning thread and gives back its result; nested calls run at once.</summary>
    public T Invoke<T>(Func<T> action) => _thread.Invoke(action);

    /// <summary>
    /// Starts the programme's process and returns when it has executed its command. <paramref name="whileStarting"/>
    /// is called with its process id on the spawning thread, after clone(2): to write its id maps and let it go on.
    /// </summary>
    /// <exception cref="SandboxException">A row failed; it is named. The child is gone.</exception>
    public SpawnedProcess Start(SyscallProgramme programme, Action<int>? whileStarting = null) =>
        Invoke(() => StartHere(programme, whileStarting));

    private static SpawnedProcess StartHere(SyscallProgramme programme, Action<int>? whileStarting)
    {
        int dumpable = Libc.Prctl(Libc.PrGetDumpable);
        StubHeader* header = Prepare(programme);
        int pid = Clone(header, out SafeFileHandle? pidfd);
        programme.ErrorWrite.Dispose();
        var process = new SpawnedProcess(pid, pidfd, programme.End);
        try
        {
            whileStarting?.Invoke(pid);
            AwaitExecution(programme);
            return programme.ChildPidSlot == 0 ? process : TakeSuccessor(programme, process);
        }
        catch
        {
            ReapSuccessor(programme);
            process.Dispose();
            throw;
        }
        finally
        {
            // A set*id call in a child that shares our memory clears this, and /proc/self then belongs to root.
            _ = Libc.Prctl(Libc.PrSetDumpable, (nuint)Math.Max(dumpable, 0));
        }
    }

    // The first process has ended by itself; the one it made is our child as well.
    private static SpawnedProcess TakeSuccessor(SyscallProgramme programme, SpawnedProcess first)
    {
        int pid = *(int*)programme.ChildPidSlot;
        SafeFileHandle? pidfd = Libc.OpenBy(Syscall.PidfdOpen, pid);
        if (pidfd is null && Libc.LastErrno != Errno.ENOSYS)
        {
            throw new SandboxException("create a process in the container", "pidfd_open", Libc.LastErrno);
        }

        first.Dispose();
        return new SpawnedProcess(pid, pidfd);
    }

    private static void ReapSuccessor(SyscallProgramme programme)
    {
        if (programme.ChildPidSlot != 0 && *(int*)programme.ChildPidSlot is > 0 and int pid)
        {
            _ = Libc.Kill(pid, Libc.SigKill);
            _ = Libc.Wait4(pid, null, Libc.WaitAll, null);
        }
    }

    private static StubHeader* Prepare(SyscallProgramme programme)
    {
        var header = (StubHeader*)programme.Header;
        header->CloneFlags = SignalChild | CloneVm | ClonePidfd | programme.CloneFlags;
        header->Stack = programme.Block(StackBytes) + StackBytes - 64 & ~15;
        header->PidFd = programme.Block(sizeof(long));
        header->Rows = programme.Seal();
        header->Count = programme.Count;
        header->ErrorDescriptor = programme.ErrorDescriptor;
        header->FailedRow = -1;
        return header;
    }

    private static int Clone(StubHeader* header, out SafeFileHandle? pidfd)
    {
        long pid = Clone(header);
        pidfd = null;
        if (pid == -(int)Errno.EINVAL)
        {
            header->CloneFlags &= ~ClonePidfd; // gVisor has no pidfds; other kernels refuse this, too, if the flags are wrong
            pid = Clone(header);
        }
        else if (pid > 0)
        {
            pidfd = new SafeFileHandle(*(int*)header->PidFd, ownsHandle: true);
        }

        return pid > 0 ? (int)pid : throw new SandboxException("create a process", "clone", (Errno)(int)-pid);
    }

    private static long Clone(StubHeader* header)
    {
        var stub = (delegate* unmanaged<StubHeader*, long>)StubMemory.Address;
        ulong all = ulong.MaxValue;
        ulong before;
        _ = Libc.SystemCall(Syscall.RtSigprocmask.Number, SignalBlockAll, (nint)(&all), (nint)(&before), sizeof(ulong));
        long pid = stub(header);
        _ = Libc.SystemCall(Syscall.RtSigprocmask.Number, SignalBlockAll, (nint)(&before), 0, sizeof(ulong));
        return pid;
    }

    // The end of the pipe means that execve(2) has happened; only then may the programme's memory go.
    private static void AwaitExecution(SyscallProgramme programme)
    {
        Span<byte> report = stackalloc byte[16];
        int count = Libc.ReadSome(programme.ErrorRead, report);
        if (count < 0)
        {
            throw new LinuxException("read", (Errno)(-count));
        }

        if (count == 16)
        {
            ProgrammeRow row = programme.Rows[(int)BitConverter.ToInt64(report)];
            throw new SandboxException(row.Label, row.Call.Name, (Errno)(int)BitConverter.ToInt64(report[8..]))
            {
                IsCommandFailure = row.Call.Name is "execve",
                CommandErrno = (Errno)(int)BitConverter.ToInt64(report[8..]),
            };
        }
    }
}
