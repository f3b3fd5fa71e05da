// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;

namespace Builder.Executor.Steps;

/// <summary>
/// A container of namespaces whose root is a copied tree: for a store on a file system that cannot hold an overlay's
/// upper, such as the overlay that is the root of a container without a volume.
/// </summary>
internal sealed class BoundRootSandbox(StepContext step, NamespaceMounts mounts, CopiedRootPool roots)
    : CopiedRootSandbox(step, mounts.Copies!, roots)
{
    private PlacedEntries? _entries;
    private IReadOnlySet<ulong> _foreign = new HashSet<ulong>();

    /// <inheritdoc/>
    protected override IEnumerable<string> MountTargets => mounts.Mounts.Select(mount => mount.Target);

    /// <inheritdoc/>
    public override void Dispose()
    {
        TakeOut();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override ExitStatus RunInRoot(StepStreams streams, CancellationToken cancellationToken)
    {
        string aside = Path.Combine(Step.Scratch, "aside");
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(aside), 0b111_000_000);
        _entries = new PlacedEntries(Root.Root, AtCalls.Open(aside, OpenFlags.DirectoryPath));
        PlaceMountPoints(_entries);
        try
        {
            return Execute(streams, cancellationToken);
        }
        finally
        {
            TakeOut();
        }
    }

    /// <inheritdoc/>
    protected override IReadOnlySet<ulong> ForeignInodes() => _foreign;

    private ExitStatus Execute(StepStreams streams, CancellationToken cancellationToken)
    {
        using DetachedMount root = DetachedMount.Bind(Root.FilesPath, isRecursive: false, attributes: 0);
        using OwnershipLedger? ledger = HostFacts.Current.HasSingleId
            ? new OwnershipLedger(Step.User, Root.Owners, Root.FilesPath)
            : null;
        using SandboxProcess process = SandboxProcess.Start(
            NamespaceStep.Specify(Step, mounts, root) with { Ledger = ledger }, streams.CommandSide);
        streams.HandOver();
        using (cancellationToken.Register(() => process.Kill(Libc.SigKill)))
        {
            streams.Pump(process.Process);
            return process.Wait();
        }
    }

    private void PlaceMountPoints(PlacedEntries entries)
    {
        foreach ((string path, bool isDirectory) in NamespaceStep.MountPoints(Step, mounts))
        {
            if (path.Length == 0 || Step.Tree?.Find(path) is not null || !entries.Claims("/" + path))
            {
                continue;
            }

            entries.Place("/" + path, (parent, name) =>
            {
                if (isDirectory)
                {
                    AtCalls.MakeDirectory(parent, name, 0b111_101_101);
                }
                else
                {
                    MemoryFile.Write(parent, PathEncoding.Decode(name), [], 0b110_100_100);
                }
            });
        }

        entries.Seal();
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
