// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>ptrace(2) as the tracer's thread uses it; calls on a thread that has died meanwhile fail with ESRCH.</summary>
internal static unsafe class Ptrace
{
    public const int EventFork = 1;
    public const int EventVfork = 2;
    public const int EventClone = 3;
    public const int EventExec = 4;
    public const int EventSeccomp = 7;
    public const int EventStop = 128;

    private const int RequestPokeData = 5;
    private const int RequestContinue = 7;
    private const int RequestGetRegisters = 12;
    private const int RequestSetRegisters = 13;
    private const int RequestSyscall = 24;
    private const int RequestGetMessage = 0x4201;
    private const int RequestSeize = 0x4206;
    private const int RequestListen = 0x4208;

    // TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, TRACESECCOMP, EXITKILL
    private const int Options = 1 | 1 << EventFork | 1 << EventVfork | 1 << EventClone | 1 << EventExec
        | 1 << EventSeccomp | 1 << 20;

    /// <summary>Becomes the tracer of a process and all that it will start; it is not stopped.</summary>
    public static Errno Seize(int pid) => (Errno)(int)-Math.Min(Call(RequestSeize, pid, 0, Options), 0);

    /// <summary>Lets a thread go on until the next event, with a signal or 0.</summary>
    public static void Continue(int tid, int signal = 0) => Call(RequestContinue, tid, 0, signal);

    /// <summary>Lets a thread go on until its call is done.</summary>
    public static void ContinueToResult(int tid, int signal = 0) => Call(RequestSyscall, tid, 0, signal);

    /// <summary>Leaves a thread stopped, as the shell that stopped it wants.</summary>
    public static void Listen(int tid) => Call(RequestListen, tid, 0, 0);

    /// <summary>The registers.</summary>
    public static bool TryGetRegisters(int tid, out TraceRegisters registers)
    {
        fixed (TraceRegisters* pointer = &registers)
        {
            registers = default;
            return Call(RequestGetRegisters, tid, 0, (nint)pointer) >= 0;
        }
    }

    /// <summary>Sets the registers.</summary>
    public static void SetRegisters(int tid, TraceRegisters registers) =>
        Call(RequestSetRegisters, tid, 0, (nint)(&registers));

    /// <summary>Writes to a stopped thread's memory, be it read-only to the thread itself.</summary>
    public static bool TryPoke(int tid, ulong address, ReadOnlySpan<byte> bytes)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (int done = 0; done < bytes.Length; done += sizeof(ulong))
        {
            word.Clear();
            bytes[done..Math.Min(done + sizeof(ulong), bytes.Length)].CopyTo(word);
            long data = BitConverter.ToInt64(word);
            if (Call(RequestPokeData, tid, (nint)(address + (ulong)done), (nint)data) < 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What an event tells: the new thread, or the thread's former number.</summary>
    public static int Message(int tid)
    {
        ulong message = 0;
        return Call(RequestGetMessage, tid, 0, (nint)(&message)) >= 0 ? (int)message : 0;
    }

    private static long Call(int request, int tid, nint address, nint data) =>
        HostCall.Invoke(CallNumbers.Ptrace, request, tid, address, data);
}
