// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Seccomp;
using Builder.Executor.Sandbox.Spawning;
using Builder.Frontend;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>
/// Keeps, for one container in a user namespace with a single id, what its root would have done: owners, devices,
/// identities. A filter makes the kernel ask this process about the calls that concern them; one thread answers until the
/// container is gone. Records are written through the container's own file system, as <see cref="OwnerStore"/> keeps them.
/// </summary>
internal sealed class OwnershipLedger : IDisposable
{
    private readonly SeccompListener _listener = new();
    private readonly TraceePaths _paths = new();
    private readonly IdentityTable _table;
    private readonly IdentityCalls _identities;
    private readonly StatusCalls _status;
    private readonly OwnerCalls _owners;
    private readonly CreationCalls _creation;
    private readonly Dictionary<int, Handler> _handlers;
    private Thread? _thread;

    /// <summary>Creates a ledger.</summary>
    /// <param name="user">Who the container's first process believes it is.</param>
    /// <param name="owners">The layer's owner records.</param>
    /// <param name="upper">The overlay's upper directory.</param>
    public OwnershipLedger(SandboxUser user, OwnerStore owners, string upper)
    {
        _table = new IdentityTable(FakeIdentity.Of(user));
        _identities = new IdentityCalls(_table, _listener);
        _status = new StatusCalls(_paths);
        _owners = new OwnerCalls(_paths, _table, owners, upper);
        _creation = new CreationCalls(_paths, _table, _owners, _listener);
        _handlers = [];
        AddIdentities();
        AddFiles();
    }

    private delegate Answer Handler(in Notification call);

    /// <summary>Rows that install the filter and hand its listener over.</summary>
    public void AppendListener(SyscallProgramme programme) => _listener.Append(programme, LedgerFilter.Filter);

    /// <summary>Takes the listener from the child and begins to answer.</summary>
    public void Attach(int pid)
    {
        _identities.BeginWith(pid);
        if (_listener.TryReceive())
        {
            _thread = new Thread(Serve) { IsBackground = true, Name = "ledger" };
            _thread.Start();
        }
    }

    /// <summary>After the container's end: waits for the thread.</summary>
    public void Dispose()
    {
        _thread?.Join();
        _listener.Dispose();
        _paths.Dispose();
        _table.Dispose();
        _owners.Dispose();
    }

    private void Serve()
    {
        while (_listener.TryNext(out Notification call))
        {
            Answer answer;
            try
            {
                answer = _handlers.TryGetValue(call.Number, out Handler? handler) ? handler(call) : Answer.Continue;
            }
            catch (LinuxException failure)
            {
                answer = Answer.Fail(failure.Errno);
            }
            catch (BuildException)
            {
                answer = Answer.Continue;
            }

            if (answer != Answer.Given)
            {
                _listener.Respond(call, answer);
            }
        }
    }

    private void On(string name, Handler handler)
    {
        SyscallAbi abi = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            == System.Runtime.InteropServices.Architecture.Arm64 ? SyscallAbi.Arm64 : SyscallAbi.X64;
        if (SyscallNumbers.Find(name, abi) is { } number)
        {
            _handlers[number] = handler;
        }
    }

    private void AddIdentities()
    {
        On("getuid", (in Notification c) => _identities.Get(c, i => i.User.Real));
        On("geteuid", (in Notification c) => _identities.Get(c, i => i.User.Effective));
        On("getgid", (in Notification c) => _identities.Get(c, i => i.Group.Real));
        On("getegid", (in Notification c) => _identities.Get(c, i => i.Group.Effective));
        On("getresuid", (in Notification c) => _identities.GetTriple(c, i => i.User));
        On("getresgid", (in Notification c) => _identities.GetTriple(c, i => i.Group));
        On("getgroups", _identities.GetGroups);
        On("setgroups", _identities.SetGroups);
        On("setuid", (in Notification c) => SetUser(c, (i, a, _, _) => i.User.Set(a, i.IsPrivileged)));
        On("setgid", (in Notification c) => SetGroup(c, (i, a, _, _) => i.Group.Set(a, i.IsPrivileged)));
        On("setreuid", (in Notification c) => SetUser(c, (i, a, b, _) => i.User.SetRealEffective(a, b, i.IsPrivileged)));
        On("setregid", (in Notification c) => SetGroup(c, (i, a, b, _) => i.Group.SetRealEffective(a, b, i.IsPrivileged)));
        On("setresuid", (in Notification c) => SetUser(c, (i, a, b, s) => i.User.SetAll(a, b, s, i.IsPrivileged)));
        On("setresgid", (in Notification c) => SetGroup(c, (i, a, b, s) => i.Group.SetAll(a, b, s, i.IsPrivileged)));
        On("setfsuid", (in Notification c) => _identities.Get(c, i => i.User.Effective));
        On("setfsgid", (in Notification c) => _identities.Get(c, i => i.Group.Effective));
        On("capset", _identities.SetCapabilities);
        On("prctl", _identities.KeepCapabilities);
        On("setsid", _identities.StartSession);
    }

    private void AddFiles()
    {
        On("stat", (in Notification c) => _status.Stat(c, followLast: true));
        On("lstat", (in Notification c) => _status.Stat(c, followLast: false));
        On("fstat", StatusCalls.StatDescriptor);
        On("newfstatat", _status.StatAt);
        On("statx", _status.StatX);
        On("chown", (in Notification c) => _owners.Chown(c, Libc.AtFdCwd, c.A0, (uint)c.A1, (uint)c.A2, 0));
        On("lchown", (in Notification c) =>
            _owners.Chown(c, Libc.AtFdCwd, c.A0, (uint)c.A1, (uint)c.A2, Libc.AtSymlinkNoFollow));
        On("fchown", _owners.ChownDescriptor);
        On("fchownat", (in Notification c) => _owners.Chown(c, (int)c.A0, c.A1, (uint)c.A2, (uint)c.A3, (int)c.A4));
        On("mknod", (in Notification c) => _owners.MakeDevice(c, Libc.AtFdCwd, c.A0, (uint)c.A1, c.A2));
        On("mknodat", (in Notification c) => _owners.MakeDevice(c, (int)c.A0, c.A1, (uint)c.A2, c.A3));
        On("open", (in Notification c) => _creation.Open(c, Libc.AtFdCwd, c.A0, (int)c.A1, (uint)c.A2));
        On("openat", (in Notification c) => _creation.Open(c, (int)c.A0, c.A1, (int)c.A2, (uint)c.A3));
        On("creat", _creation.Create);
        On("mkdir", (in Notification c) => _creation.MakeDirectory(c, Libc.AtFdCwd, c.A0, (uint)c.A1));
        On("mkdirat", (in Notification c) => _creation.MakeDirectory(c, (int)c.A0, c.A1, (uint)c.A2));
        On("symlink", (in Notification c) => _creation.MakeLink(c, c.A0, Libc.AtFdCwd, c.A1));
        On("symlinkat", (in Notification c) => _creation.MakeLink(c, c.A0, (int)c.A1, c.A2));
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
