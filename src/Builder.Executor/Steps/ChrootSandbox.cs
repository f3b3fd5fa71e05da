// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Chroot;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// A step in a directory of its own, entered with chroot(2) by real root: for pods that allow no namespaces. What would
/// be mounted is put into the directory and taken out again.
/// </summary>
internal sealed class ChrootSandbox(StepContext step, DirectoryMounts mounts, CopiedRootPool roots)
    : CopiedRootSandbox(step, mounts, roots)
{
    private PlacedEntries? _entries;
    private IReadOnlySet<ulong> _foreign = new HashSet<ulong>();

    /// <inheritdoc/>
    public override string? FailureHint =>
        "isolation chroot has no processes in /proc, no /dev/fd (bash's <( ), /dev/stdout) and no set-id programmes for"
        + " other users (sudo): --isolation trace has them";

    /// <inheritdoc/>
    public override void Dispose()
    {
        TakeOut();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override ExitStatus RunInRoot(StepStreams streams, CancellationToken cancellationToken)
    {
        BuilderShield.Raise();
        _entries = new PlacedEntries(Root.Root, MakeAside());
        PlaceAll(_entries);
        _entries.Seal();
        try
        {
            return Execute(streams, cancellationToken);
        }
        finally
        {
            LeftoverProcesses.Kill();
            TakeOut();
        }
    }

    /// <inheritdoc/>
    protected override IReadOnlySet<ulong> ForeignInodes() => _foreign;

    private ExitStatus Execute(StepStreams streams, CancellationToken cancellationToken)
    {
        using SandboxProcess process = SandboxProcess.StartInDirectory(Specify(), streams.CommandSide);
        streams.HandOver();
        using (cancellationToken.Register(() => process.Kill(Libc.SigKill)))
        {
            streams.Pump(process.Process);
            return process.Wait();
        }
    }

    private ChrootSpec Specify() => new()
    {
        Root = Root.Root,
        Arguments = Step.Operation.Arguments,
        Environment = Step.Environment(),
        WorkingDirectory = Step.Operation.WorkingDirectory,
        User = Step.User,
        IsPrivileged = Step.Operation.Insecure,
        HasNoNetwork = Step.Operation.Network == NetworkMode.None,
        Ulimits = Step.Operation.Ulimits,
        Group = Step.Group,
    };

    private FileDescriptor MakeAside()
    {
        string path = Path.Combine(Step.Scratch, "aside");
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(path), 0b111_000_000);
        return AtCalls.Open(path, OpenFlags.DirectoryPath);
    }

    private void PlaceAll(PlacedEntries entries)
    {
        ChrootTree.PlaceDevices(entries, Resolve("/dev"), Step.Operation.PipeFiles);
        ChrootTree.PlaceProc(entries, Resolve("/proc"));
        ChrootTree.PlaceEmpty(entries, Resolve("/sys"));
        foreach (DirectoryMount mount in Mounts.Mounts)
        {
            bool isPrivateCopy = mount is { IsKept: true, IsReadOnly: true };
            entries.Move(
                Resolve(mount.Target), isPrivateCopy ? Mounts.CopyOf(mount) : mount.Source,
                isKept: mount.IsKept && !isPrivateCopy);
        }

        foreach (SandboxFile file in Step.Files())
        {
            ChrootTree.PlaceFile(entries, Resolve(file.Target), file);
        }
    }

    private void TakeOut()
    {
        if (_entries is { } entries)
        {
            _entries = null;
            using (entries)
            {
                entries.TakeOut();
                _foreign = entries.Inodes;
            }
        }
    }
}
