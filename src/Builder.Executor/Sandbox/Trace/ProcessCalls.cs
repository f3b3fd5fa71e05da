// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Calls that name processes: those of the step may be reached, for others it is as if they were not there. The kernel
/// would let a step signal and limit everything of the same user, this process included.
/// </summary>
internal sealed unsafe class ProcessCalls(TraceeTable table, string hostname)
{
    private const int NameBytes = 65; // a field of struct utsname
    private const int SetOwner = 8; // F_SETOWN
    private const uint CapabilityVersion1 = 0x19980330;
    private const uint CapabilityVersion3 = 0x20080522;
    private const int UtsNameBytes = 6 * NameBytes;
    private const int PriorityOfGroup = 1; // PRIO_PGRP; IOPRIO_WHO_PGRP is 2
    private const int PriorityOfUser = 2;

    /// <summary>kill(2).</summary>
    public Answer Kill(Tracee caller, in Notification call)
    {
        int target = (int)call.A0;
        int signal = (int)call.A1;
        if (target > 0)
        {
            return CheckSignal(caller, target);
        }

        if (target == -1)
        {
            foreach (TracedProcess process in table.Processes
                .Where(process => process != caller.Process && MaySignal(caller, process)).ToArray())
            {
                _ = Libc.Kill(process.Id, signal);
            }

            return Answer.Success;
        }

        // The step is a session of its own: no group of it has other members.
        return target == 0 || IsGroup(-target) ? Answer.Continue : Answer.Fail(Errno.ESRCH);
    }

    /// <summary>tkill(2), rt_sigqueueinfo(2): (thread or process, signal).</summary>
    public Answer CheckSignal(Tracee caller, int target)
    {
        TracedProcess? process = table.FindThread(target)?.Process ?? table.FindProcess(target);
        return process is null ? Answer.Fail(Errno.ESRCH)
            : MaySignal(caller, process) ? Answer.Continue
            : Answer.Fail(Errno.EPERM);
    }

    /// <summary>tgkill(2), rt_tgsigqueueinfo(2): (process, thread, signal).</summary>
    public Answer CheckThreadSignal(Tracee caller, in Notification call) =>
        CheckSignal(caller, (int)call.A0) is { IsContinued: true }
            ? CheckSignal(caller, (int)call.A1)
            : CheckSignal(caller, (int)call.A0);

    /// <summary>Calls whose first argument is a process or thread, 0 being the caller.</summary>
    public Answer CheckFirst(in Notification call) => (int)call.A0 == 0 ? Answer.Continue : Check((int)call.A0);

    /// <summary>setpriority(2), ioprio_set(2): (which, who).</summary>
    public Answer CheckPriority(in Notification call, int processKind)
    {
        int kind = (int)call.A0 - processKind;
        int who = (int)call.A1;
        return who == 0 && kind != PriorityOfUser ? Answer.Continue
            : kind == 0 ? Check(who)
            : kind == PriorityOfGroup && IsGroup(who) ? Answer.Continue
            : Answer.Fail(Errno.EPERM);
    }

    /// <summary>fcntl(2) with F_SETOWN and F_SETOWN_EX: who gets the signals of a descriptor.</summary>
    public Answer SetSignalOwner(in Notification call)
    {
        int owner = (int)call.A2;
        return (int)call.A1 == SetOwner && (owner == 0 || (owner > 0 ? Check(owner).IsContinued : IsGroup(-owner)))
            ? Answer.Continue
            : Answer.Fail(Errno.EPERM);
    }

    /// <summary>uname(2): with the step's host name.</summary>
    public Answer Name(Tracee caller, in Notification call)
    {
        byte* buffer = stackalloc byte[UtsNameBytes];
        long result = HostCall.Invoke(63 /* uname */, (nint)buffer);
        if (result < 0)
        {
            return Answer.Of(result);
        }

        Span<byte> node = new Span<byte>(buffer, UtsNameBytes).Slice(NameBytes, NameBytes);
        node.Clear();
        byte[] name = Encoding.UTF8.GetBytes(hostname);
        name.AsSpan(0, Math.Min(name.Length, NameBytes - 1)).CopyTo(node);
        return TraceeMemory.TryWrite(caller.ThreadId, call.A0, new Span<byte>(buffer, UtsNameBytes))
            ? Answer.Success
            : Answer.Fail(Errno.EFAULT);
    }

    /// <summary>capget(2): what the process would have in a container.</summary>
    public static Answer GetCapabilities(Tracee caller, in Notification call)
    {
        Span<byte> header = stackalloc byte[8];
        if (!TraceeMemory.TryRead(caller.ThreadId, call.A0, header))
        {
            return Answer.Fail(Errno.EFAULT);
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header);
        if (call.A1 == 0 || version is < CapabilityVersion1 or > CapabilityVersion3)
        {
            return Answer.Continue; // it asks for the version
        }

        ulong bits = caller.Process.Identity.IsPrivileged ? CapabilitySet.Default.Bits : 0;
        Span<byte> data = stackalloc byte[24];
        data.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)bits);
        BinaryPrimitives.WriteUInt32LittleEndian(data[4..], (uint)bits);
        BinaryPrimitives.WriteUInt32LittleEndian(data[12..], (uint)(bits >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(data[16..], (uint)(bits >> 32));
        return TraceeMemory.TryWrite(
            caller.ThreadId, call.A1, version == CapabilityVersion1 ? data[..12] : data)
            ? Answer.Success
            : Answer.Fail(Errno.EFAULT);
    }

    // Source: kill(2).
    private static bool MaySignal(Tracee caller, TracedProcess target)
    {
        IdTriple user = caller.Process.Identity.User;
        IdTriple other = target.Identity.User;
        return user.Effective == 0 || target == caller.Process
            || user.Effective == other.Real || user.Effective == other.Saved
            || user.Real == other.Real || user.Real == other.Saved;
    }

    private Answer Check(int id) =>
        table.FindThread(id) is not null || table.FindProcess(id) is not null
            ? Answer.Continue
            : Answer.Fail(Errno.ESRCH);

    private bool IsGroup(int group)
    {
        foreach (TracedProcess process in table.Processes)
        {
            if (process.Id == group || HostCall.Invoke(121 /* getpgid */, process.Id) == group)
            {
                return true;
            }
        }

        return false;
    }
}
