// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;

namespace Builder.Executor.Steps;

/// <summary>Mounts of a step that has a mount namespace: the kernel's own, held by descriptors until they are attached.</summary>
/// <param name="scratch">A directory of the step's own.</param>
/// <param name="copies">Copies file systems where no overlay shows them; null where one does.</param>
internal sealed class NamespaceMounts(string scratch, DirectoryMounts? copies = null) : StepMountMaker
{
    private const ulong Hardened = Libc.MountNoSuid | Libc.MountNoDev;
    private const int TmpfsMode = 0b001_111_111_111;

    private readonly List<IDisposable> _resources = [];
    private readonly List<SandboxMount> _mounts = [];
    private int _directories;

    /// <summary>The copies that stand for file systems, where no overlay can be mounted on the store.</summary>
    public DirectoryMounts? Copies { get; } = copies;

    /// <summary>What to mount, in order.</summary>
    public IReadOnlyList<SandboxMount> Mounts => _mounts;

    /// <inheritdoc/>
    public override void AddTree(
        string target, MergedTree? tree, IReadOnlyList<string> lowers, string part, bool isWritable)
    {
        if (Copies is not null)
        {
            Copies.AddTree(target, tree, lowers, part, isWritable);
            _mounts.Add(new SandboxMount(target, Own(DetachedMount.Bind(
                Copies.Mounts[^1].Source, isRecursive: false, Hardened | (isWritable ? 0 : Libc.MountReadOnly)))));
            return;
        }

        DetachedMount source = Own(MountStack(lowers, isWritable));
        if (!isWritable)
        {
            source.SetAttributes(Libc.MountReadOnly, Libc.MountPrivate, isRecursive: false);
        }

        _mounts.Add(new SandboxMount(target, source, part));
    }

    /// <inheritdoc/>
    public override void AddCache(string target, string directory, bool isReadOnly) => _mounts.Add(new SandboxMount(
        target,
        Own(DetachedMount.Bind(directory, isRecursive: false, Hardened | (isReadOnly ? Libc.MountReadOnly : 0)))));

    /// <inheritdoc/>
    public override void AddTmpfs(string target, long sizeBytes) => _mounts.Add(
        new SandboxMount(target, Own(DetachedMount.Tmpfs(TmpfsMode, sizeBytes, Libc.MountNoSuid))));

    /// <summary>Adds mounts that stay the caller's: those of devices.</summary>
    public void Add(IEnumerable<SandboxMount> mounts) => _mounts.AddRange(mounts);

    /// <inheritdoc/>
    public override void AddAgent(string target, string agent, int mode, uint userId, uint groupId)
    {
        DetachedMount directory = Own(DetachedMount.Tmpfs(
            0b111_101_101, 0, Libc.MountNoSuid | Libc.MountNoDev | Libc.MountNoExec));
        Own(SshAgentForward.Start(
            agent, directory.Handle.Number(), mode, userId, groupId, HostFacts.Current.HasSingleId));
        _mounts.Add(new SandboxMount(target, directory, SshAgentForward.SocketName));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        for (int i = _resources.Count - 1; i >= 0; i--)
        {
            _resources[i].Dispose();
        }

        _resources.Clear();
        Copies?.Dispose();
    }

    // An overlay even of one layer: its marks (whiteouts) must not be seen as files.
    private DetachedMount MountStack(IReadOnlyList<string> lowers, bool isWritable)
    {
        string empty = NewDirectory();
        return OverlayMount.Create(new OverlayDirectories(
            [.. lowers, empty],
            isWritable ? NewDirectory() : null,
            isWritable ? NewDirectory() : null,
            HostFacts.Current.IsInUserNamespace));
    }

    private string NewDirectory()
    {
        string path = Path.Combine(scratch, string.Create(CultureInfo.InvariantCulture, $"overlay-{_directories++}"));
        Directory.CreateDirectory(path);
        AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(path), 0b111_101_101);
        return path;
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _resources.Add(resource);
        return resource;
    }
}
