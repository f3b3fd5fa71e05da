// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>
/// The descriptor on which the kernel reports calls that wait: made by the child when it installs the filter, and sent
/// to this process through a socket. Source: seccomp_unotify(2).
/// </summary>
internal sealed unsafe class SeccompListener : IDisposable
{
    private const int NewListener = 8; // SECCOMP_FILTER_FLAG_NEW_LISTENER
    private const int WaitKillable = 32; // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    private const nuint Receive = 0xC0502100;
    private const nuint Send = 0xC0182101;
    private const nuint IsValid = 0x40082102;
    private const nuint AddDescriptor = 0x40182103;
    private const nuint SetFlags = 0x40082104;
    private const int FamilyUnix = 1;
    private const int SequencedPackets = 5; // SOCK_SEQPACKET: the end of the child ends waiting for its message
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int Rights = 1; // SCM_RIGHTS
    private const int ControlBytes = 24; // CMSG_SPACE(sizeof(int))
    private const int HeaderBytes = 56; // sizeof(struct msghdr)

    private readonly SafeFileHandle _receiver;
    private readonly SafeFileHandle _sender;
    private SafeFileHandle? _listener;

    /// <summary>Makes the socket.</summary>
    public SeccompListener()
    {
        int* pair = stackalloc int[2];
        Libc.Check(
            Libc.SystemCall(Syscall.Socketpair.Number, FamilyUnix, SequencedPackets | Libc.OpenCloexec, 0, (nint)pair), "socketpair");
        _receiver = new SafeFileHandle(pair[0], ownsHandle: true);
        _sender = new SafeFileHandle(pair[1], ownsHandle: true);
    }

    /// <summary>The listener's number, to poll.</summary>
    public int Descriptor => _listener!.Number();

    /// <summary>Appends the child's rows: install the filter, send what it gives.</summary>
    public void Append(SyscallProgramme programme, Seccomp.BpfInstruction[] filter)
    {
        nint control = programme.Block(ControlBytes); // struct cmsghdr: length, level, type, then the descriptor
        *(long*)control = 16 + sizeof(int);
        ((int*)control)[2] = SocketLevel;
        ((int*)control)[3] = Rights;
        int row = SeccompRows.Install(programme, filter, "install the ledger's filter", NewListener | WaitKillable);
        programme.Change(row, r => r with { MayFail = true, SkipOnSuccess = 1, Result = control + 16 });
        row = SeccompRows.Install(programme, filter, "install the ledger's filter", NewListener); // before Linux 5.19
        programme.Change(row, r => r with { Result = control + 16 });
        programme.Add(
            "send the ledger's listener", Syscall.Sendmsg, _sender.Number(), Message(programme.Block, control));
    }

    /// <summary>
    /// Takes the listener from the child; called after clone(2). False when the child has failed before it could send.
    /// </summary>
    public bool TryReceive()
    {
        _sender.Dispose();
        byte* memory = stackalloc byte[HeaderBytes + 16 + 8 + ControlBytes];
        byte* next = memory;
        nint Take(int size)
        {
            byte* taken = next;
            new Span<byte>(taken, size).Clear();
            next += size;
            return (nint)taken;
        }

        nint control = Take(ControlBytes);
        nint message = Message(Take, control);
        nint count;
        do
        {
            count = Libc.SystemCall(Syscall.Recvmsg.Number, _receiver.Number(), message, 0x40000000 /* MSG_CMSG_CLOEXEC */);
        }
        while (count < 0 && Libc.LastErrno == Errno.EINTR);

        if (count <= 0)
        {
            return false;
        }

        _listener = new SafeFileHandle(((int*)control)[4], ownsHandle: true);
        ulong flags = 1; // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: Linux 6.6
        _ = Libc.Ioctl(Descriptor, SetFlags, (void*)flags);
        return true;
    }

    /// <summary>Waits for a call; false when all processes of the filter are gone.</summary>
    public bool TryNext(out Notification notification)
    {
        notification = default;
        while (true)
        {
            var poll = new Libc.PollDescriptor { Fd = Descriptor, Events = Libc.PollIn };
            int ready = Libc.Poll(&poll, 1, -1);
            if (ready > 0 && (poll.Returned & Libc.PollIn) == 0)
            {
                return false;
            }

            notification = default;
            fixed (Notification* pointer = &notification)
            {
                if (ready > 0 && Libc.Ioctl(Descriptor, Receive, pointer) == 0)
                {
                    return true;
                }
            }

            // ENOENT: that process has died meanwhile.
            if (ready > 0 && Libc.LastErrno is not (Errno.ENOENT or Errno.EINTR))
            {
                return false;
            }
        }
    }

    /// <summary>Answers a call.</summary>
    public void Respond(in Notification notification, Answer answer)
    {
        var response = new NotificationResponse
        {
            Id = notification.Id,
            Value = answer.Value >= 0 ? answer.Value : 0,
            Error = answer.Value < 0 ? (int)answer.Value : 0,
            Flags = answer.IsContinued ? NotificationResponse.Continue : 0,
        };
        _ = Libc.Ioctl(Descriptor, Send, &response);
    }

    /// <summary>Answers a call with a new descriptor of the caller's; false when the kernel refuses.</summary>
    public bool TryRespondWith(in Notification notification, int descriptor, bool closeOnExec)
    {
        var addition = new NotificationDescriptor
        {
            Id = notification.Id,
            Flags = NotificationDescriptor.Send,
            Source = (uint)descriptor,
            TargetFlags = closeOnExec ? (uint)Libc.OpenCloexec : 0,
        };
        return Libc.Ioctl(Descriptor, AddDescriptor, &addition) >= 0;
    }

    /// <summary>True while the caller still waits: what was read of it belongs to it and not to a successor.</summary>
    public bool IsWaiting(in Notification notification)
    {
        ulong id = notification.Id;
        return Libc.Ioctl(Descriptor, IsValid, &id) == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _receiver.Dispose();
        _sender.Dispose();
        _listener?.Dispose();
    }

    // struct msghdr with one byte of data and the control message.
    private static nint Message(Func<int, nint> allocate, nint control)
    {
        nint data = allocate(8);
        nint vector = allocate(16);
        ((nint*)vector)[0] = data;
        ((nint*)vector)[1] = 1;
        nint message = allocate(HeaderBytes);
        ((nint*)message)[2] = vector; // msg_iov
        ((nint*)message)[3] = 1; // msg_iovlen
        ((nint*)message)[4] = control; // msg_control
        ((nint*)message)[5] = ControlBytes; // msg_controllen
        return message;
    }
}
