// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Seccomp;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Answers the calls of a step that carry paths or identities. One thread takes them from the listener in turn; whatever
/// a call's arguments point to is read once, so that nothing a step changes meanwhile can matter.
/// </summary>
internal sealed class CallServer
{
    private const uint KeepCapabilities = 8; // PR_SET_KEEPCAPS
    private const uint SetMemory = 35; // PR_SET_MM

    private readonly SeccompListener _listener;
    private readonly TraceeTable _table;
    private readonly Handler?[] _handlers;
    private readonly IdentityCalls _identities;
    private readonly OpenCalls _opening;
    private readonly StatusReplies _status;
    private readonly EntryCalls _entries;
    private readonly AttributeCalls _attributes;
    private readonly XattrCalls _xattrs;
    private readonly DirectoryCalls _directories;
    private readonly ProcessCalls _processes;

    /// <summary>Creates a server.</summary>
    /// <param name="listener">Where calls arrive.</param>
    /// <param name="table">The step's processes.</param>
    /// <param name="paths">What paths mean.</param>
    /// <param name="proc">The step's /proc.</param>
    /// <param name="owners">The step's owners.</param>
    /// <param name="hostname">Its host name.</param>
    public CallServer(
        SeccompListener listener, TraceeTable table, GuestPaths paths, ProcView proc, TraceOwners owners, string hostname)
    {
        _listener = listener;
        _table = table;
        _identities = new IdentityCalls(table, listener);
        _opening = new OpenCalls(paths, proc, owners, listener);
        _status = new StatusReplies(paths, owners);
        _entries = new EntryCalls(paths, owners, _opening);
        _attributes = new AttributeCalls(paths, owners);
        _xattrs = new XattrCalls(paths);
        _directories = new DirectoryCalls(paths);
        _processes = new ProcessCalls(table, hostname);
        _handlers = new Handler?[512];
        AddIdentities();
        AddFiles();
        AddAttributes();
        AddProcesses();
    }

    private delegate Answer Handler(Tracee caller, in Notification call);

    /// <summary>Answers until all processes of the step are gone.</summary>
    public void Serve()
    {
        while (_listener.TryNext(out Notification call))
        {
            Answer answer = Decide(call);
            if (answer != Answer.Given)
            {
                _listener.Respond(call, answer);
            }
        }
    }

    /// <summary>After the end of <see cref="Serve"/>: gives up what still waits.</summary>
    public void Abandon() => _opening.Abandon();

    private Answer Decide(in Notification call)
    {
        lock (_table.Gate)
        {
            // Nobody runs before the tracer knows it.
            if (_table.FindThread(call.ThreadId) is not { } caller
                || (uint)call.Number >= _handlers.Length || _handlers[call.Number] is not { } handler)
            {
                return Answer.Fail(Errno.EPERM);
            }

            try
            {
                return handler(caller, call);
            }
            catch (LinuxException failure)
            {
                return Answer.Fail(failure.Errno);
            }
        }
    }

    private void On(string name, Handler handler) =>
        _handlers[SyscallNumbers.Find(name, SyscallAbi.X64) ?? throw new InvalidOperationException(name)] = handler;

    private void AddIdentities()
    {
        On("getuid", (Tracee _, in Notification c) => _identities.Get(c, i => i.User.Real));
        On("geteuid", (Tracee _, in Notification c) => _identities.Get(c, i => i.User.Effective));
        On("getgid", (Tracee _, in Notification c) => _identities.Get(c, i => i.Group.Real));
        On("getegid", (Tracee _, in Notification c) => _identities.Get(c, i => i.Group.Effective));
        On("getresuid", (Tracee _, in Notification c) => _identities.GetTriple(c, i => i.User));
        On("getresgid", (Tracee _, in Notification c) => _identities.GetTriple(c, i => i.Group));
        On("getgroups", (Tracee _, in Notification c) => _identities.GetGroups(c));
        On("setgroups", (Tracee _, in Notification c) => _identities.SetGroups(c));
        On("setuid", (Tracee _, in Notification c) => SetUser(c, (i, a, _, _) => i.User.Set(a, i.IsPrivileged)));
        On("setgid", (Tracee _, in Notification c) => SetGroup(c, (i, a, _, _) => i.Group.Set(a, i.IsPrivileged)));
        On("setreuid", (Tracee _, in Notification c) =>
            SetUser(c, (i, a, b, _) => i.User.SetRealEffective(a, b, i.IsPrivileged)));
        On("setregid", (Tracee _, in Notification c) =>
            SetGroup(c, (i, a, b, _) => i.Group.SetRealEffective(a, b, i.IsPrivileged)));
        On("setresuid", (Tracee _, in Notification c) =>
            SetUser(c, (i, a, b, s) => i.User.SetAll(a, b, s, i.IsPrivileged)));
        On("setresgid", (Tracee _, in Notification c) =>
            SetGroup(c, (i, a, b, s) => i.Group.SetAll(a, b, s, i.IsPrivileged)));
        On("setfsuid", (Tracee _, in Notification c) => _identities.Get(c, i => i.User.Effective));
        On("setfsgid", (Tracee _, in Notification c) => _identities.Get(c, i => i.Group.Effective));
        On("capset", (Tracee _, in Notification c) => _identities.SetCapabilities(c));
        On("capget", ProcessCalls.GetCapabilities);
        On("prctl", (Tracee _, in Notification c) =>
            c.A0 == KeepCapabilities ? _identities.KeepCapabilities(c)
            : (uint)c.A0 == SetMemory ? Answer.Fail(Errno.EPERM)
            : Answer.Success);
    }

    private void AddFiles()
    {
        On("open", (Tracee t, in Notification c) => _opening.Open(t, c, Libc.AtFdCwd, c.A0, (int)c.A1, (int)c.A2));
        On("openat", (Tracee t, in Notification c) => _opening.Open(t, c, (int)c.A0, c.A1, (int)c.A2, (int)c.A3));
        On("creat", _opening.Create);
        On("stat", (Tracee t, in Notification c) => _status.Stat(t, c, follow: true));
        On("lstat", (Tracee t, in Notification c) => _status.Stat(t, c, follow: false));
        On("fstat", _status.StatDescriptor);
        On("newfstatat", _status.StatAt);
        On("statx", _status.StatX);
        On("statfs", _status.StatFileSystem);
        On("access", (Tracee t, in Notification c) => _status.Access(t, Libc.AtFdCwd, c.A0, (int)c.A1, 0));
        On("faccessat", (Tracee t, in Notification c) => _status.Access(t, (int)c.A0, c.A1, (int)c.A2, 0));
        On("faccessat2", (Tracee t, in Notification c) => _status.Access(t, (int)c.A0, c.A1, (int)c.A2, (int)c.A3));
        On("unlink", (Tracee t, in Notification c) => _entries.Remove(t, Libc.AtFdCwd, c.A0, 0));
        On("rmdir", (Tracee t, in Notification c) => _entries.Remove(t, Libc.AtFdCwd, c.A0, 0x200));
        On("unlinkat", (Tracee t, in Notification c) => _entries.Remove(t, (int)c.A0, c.A1, (int)c.A2));
        On("rename", (Tracee t, in Notification c) =>
            _entries.Rename(t, Libc.AtFdCwd, c.A0, Libc.AtFdCwd, c.A1, 0));
        On("renameat", (Tracee t, in Notification c) => _entries.Rename(t, (int)c.A0, c.A1, (int)c.A2, c.A3, 0));
        On("renameat2", (Tracee t, in Notification c) =>
            _entries.Rename(t, (int)c.A0, c.A1, (int)c.A2, c.A3, (int)c.A4));
        On("link", (Tracee t, in Notification c) => _entries.Link(t, Libc.AtFdCwd, c.A0, Libc.AtFdCwd, c.A1, 0));
        On("linkat", (Tracee t, in Notification c) =>
            _entries.Link(t, (int)c.A0, c.A1, (int)c.A2, c.A3, (int)c.A4));
        On("symlink", (Tracee t, in Notification c) => _entries.Symlink(t, c.A0, Libc.AtFdCwd, c.A1));
        On("symlinkat", (Tracee t, in Notification c) => _entries.Symlink(t, c.A0, (int)c.A1, c.A2));
        On("mkdir", (Tracee t, in Notification c) => _entries.MakeDirectory(t, Libc.AtFdCwd, c.A0, (int)c.A1));
        On("mkdirat", (Tracee t, in Notification c) => _entries.MakeDirectory(t, (int)c.A0, c.A1, (int)c.A2));
        On("mknod", (Tracee t, in Notification c) => _entries.MakeNode(t, Libc.AtFdCwd, c.A0, (uint)c.A1, c.A2));
        On("mknodat", (Tracee t, in Notification c) => _entries.MakeNode(t, (int)c.A0, c.A1, (uint)c.A2, c.A3));
        On("chdir", _directories.Change);
        On("fchdir", _directories.ChangeToDescriptor);
        On("chroot", _directories.ChangeRoot);
        On("getcwd", _directories.Name);
        On("readlink", (Tracee t, in Notification c) => _directories.ReadLink(t, Libc.AtFdCwd, c.A0, c.A1, c.A2));
        On("readlinkat", (Tracee t, in Notification c) => _directories.ReadLink(t, (int)c.A0, c.A1, c.A2, c.A3));
        On("umask", DirectoryCalls.SetUmask);
    }

    private void AddAttributes()
    {
        On("chown", (Tracee t, in Notification c) =>
            _attributes.Chown(t, Libc.AtFdCwd, c.A0, (uint)c.A1, (uint)c.A2, 0));
        On("lchown", (Tracee t, in Notification c) =>
            _attributes.Chown(t, Libc.AtFdCwd, c.A0, (uint)c.A1, (uint)c.A2, Libc.AtSymlinkNoFollow));
        On("fchown", _attributes.ChownDescriptor);
        On("fchownat", (Tracee t, in Notification c) =>
            _attributes.Chown(t, (int)c.A0, c.A1, (uint)c.A2, (uint)c.A3, (int)c.A4));
        On("chmod", (Tracee t, in Notification c) => _attributes.Chmod(t, Libc.AtFdCwd, c.A0, (int)c.A1, 0));
        On("fchmod", _attributes.ChmodDescriptor);
        On("fchmodat", (Tracee t, in Notification c) => _attributes.Chmod(t, (int)c.A0, c.A1, (int)c.A2, 0));
        On("fchmodat2", (Tracee t, in Notification c) =>
            _attributes.Chmod(t, (int)c.A0, c.A1, (int)c.A2, (int)c.A3));
        On("utime", _attributes.SetSeconds);
        On("utimes", (Tracee t, in Notification c) => _attributes.SetMicroTimes(t, Libc.AtFdCwd, c.A0, c.A1));
        On("futimesat", (Tracee t, in Notification c) => _attributes.SetMicroTimes(t, (int)c.A0, c.A1, c.A2));
        On("utimensat", (Tracee t, in Notification c) =>
            _attributes.SetTimes(t, (int)c.A0, c.A1, c.A2, (int)c.A3));
        On("truncate", _attributes.Truncate);
        OnXattr("getxattr", _xattrs.Get);
        OnXattr("setxattr", _xattrs.Set);
        OnXattr("listxattr", XattrCalls.List);
        OnXattr("removexattr", _xattrs.Remove);
    }

    private void AddProcesses()
    {
        On("uname", _processes.Name);
        On("kill", _processes.Kill);
        On("tkill", (Tracee t, in Notification c) => _processes.CheckSignal(t, (int)c.A0));
        On("tgkill", _processes.CheckThreadSignal);
        On("rt_sigqueueinfo", (Tracee t, in Notification c) => _processes.CheckSignal(t, (int)c.A0));
        On("rt_tgsigqueueinfo", _processes.CheckThreadSignal);
        foreach (string name in (ReadOnlySpan<string>)
            ["pidfd_open", "prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"])
        {
            On(name, (Tracee _, in Notification c) => _processes.CheckFirst(c));
        }

        On("setpriority", (Tracee _, in Notification c) => _processes.CheckPriority(c, processKind: 0));
        On("ioprio_set", (Tracee _, in Notification c) => _processes.CheckPriority(c, processKind: 1));
        On("fcntl", (Tracee _, in Notification c) => _processes.SetSignalOwner(c));
    }

    private delegate Answer XattrHandler(Tracee caller, in Notification call, FileDescriptor? file);

    private void OnXattr(string name, XattrHandler handler)
    {
        On(name, (Tracee t, in Notification c) => WithPath(t, c, follow: true, handler));
        On("l" + name, (Tracee t, in Notification c) => WithPath(t, c, follow: false, handler));
        On("f" + name, (Tracee t, in Notification c) =>
        {
            using FileDescriptor? file = GuestPaths.OpenDescriptor(t, (int)c.A0);
            return handler(t, c, file);
        });
    }

    private Answer WithPath(Tracee caller, in Notification call, bool follow, XattrHandler handler)
    {
        using FileDescriptor? file = _xattrs.Open(caller, call.A0, follow, out Errno errno);
        return file is null ? Answer.Fail(errno) : handler(caller, call, file);
    }

    private Answer SetUser(in Notification call, Func<FakeIdentity, uint, uint, uint, IdTriple?> change)
    {
        (uint a, uint b, uint s) = ((uint)call.A0, (uint)call.A1, (uint)call.A2);
        return _identities.SetUser(call, identity => change(identity, a, b, s));
    }

    private Answer SetGroup(in Notification call, Func<FakeIdentity, uint, uint, uint, IdTriple?> change)
    {
        (uint a, uint b, uint s) = ((uint)call.A0, (uint)call.A1, (uint)call.A2);
        return _identities.SetGroup(call, identity => change(identity, a, b, s));
    }
}
