// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.ControlGroups;
using Builder.Executor.Sandbox.Isolation;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Solver;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Executor.Steps;

/// <summary>
/// RUN: the command in a sandbox on the parent's file system; what it changed is the layer. What a killed build leaves is
/// a directory under tmp/, no mount and no process. Thread-safe.
/// </summary>
internal sealed class RunStep(Store store, ILayerFetcher? fetcher, StepServices services, CopiedRootPool roots)
{
    private const int CommandNameLength = 60;

    private readonly Lazy<bool> _canOverlay = new(() => OverlayProbe.CanMount(store));

    /// <summary>Runs a step and commits its layer; no layer when it changed nothing.</summary>
    public async Task<LayerResult> RunAsync(
        RunOperation operation, LayerStack parent, IStepOutput output, CancellationToken cancellationToken)
    {
        if (operation.Platform is { } platform)
        {
            store.Foreign.Ensure(platform);
        }

        IReadOnlyList<string> snapshots = await store.Snapshots
            .EnsureAsync(parent, fetcher, cancellationToken).ConfigureAwait(false);
        string scratch = store.Tmp.CreateDirectory("run");
        try
        {
            using StepMountMaker maker = MakerFor(scratch, cancellationToken);
            using StepMounts mounts = await StepMounts.PrepareAsync(
                store, fetcher, services, maker, operation.Mounts, cancellationToken).ConfigureAwait(false);
            using StepDevices devices = StepDevices.Prepare(
                operation.Devices, services.DeviceDirectories, maker is NamespaceMounts, output);
            (maker as NamespaceMounts)?.Add(devices.Mounts);
            mounts.Add(devices);

            // A thread of its own: it blocks as long as the command runs.
            return await Task.Factory.StartNew(
                () => Run(operation, parent, snapshots, mounts, maker, scratch, output, cancellationToken),
                cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            FileTreeRemover.Remove(scratch);
        }
    }

    private StepMountMaker MakerFor(string scratch, CancellationToken cancellationToken) => services.Isolation.Require() switch
    {
        IsolationRung.Chroot => new DirectoryMounts(
            scratch, store.Snapshots.Ownership, needsExclusiveCaches: true, cancellationToken),
        IsolationRung.Trace => new DirectoryMounts(
            scratch, store.Snapshots.Ownership, needsExclusiveCaches: false, cancellationToken),
        _ when _canOverlay.Value => new NamespaceMounts(scratch),
        _ => new NamespaceMounts(scratch, new DirectoryMounts(
            scratch, store.Snapshots.Ownership, needsExclusiveCaches: false, cancellationToken)),
    };

    private StepSandbox SandboxFor(StepContext step, StepMountMaker maker) => services.Isolation.Require() switch
    {
        IsolationRung.Chroot => new ChrootSandbox(step, (DirectoryMounts)maker, roots),
        IsolationRung.Trace => new TraceSandbox(step, (DirectoryMounts)maker, roots),
        _ when _canOverlay.Value => new NamespaceSandbox(step, (NamespaceMounts)maker),
        _ => new BoundRootSandbox(step, (NamespaceMounts)maker, roots),
    };

    private LayerResult Run(
        RunOperation operation, LayerStack parent, IReadOnlyList<string> snapshots, StepMounts mounts,
        StepMountMaker maker, string scratch, IStepOutput output, CancellationToken cancellationToken)
    {
        MergedTree? tree = parent.IsEmpty ? null : store.Snapshots.Open(parent);
        using LayerDraft draft = store.Snapshots.BeginLayer(tree);
        SandboxUser user = UserResolver.Resolve(
            tree is null ? UserDatabase.Parse("", "") : UserDatabase.Read(tree), operation.User);
        using ControlGroup? group = services.Limits.IsEmpty
            ? null
            : ControlGroup.Create($"bld-{Path.GetFileName(scratch)}", services.Limits, "the step");
        var step = new StepContext
        {
            Store = store,
            Operation = operation,
            Parent = parent,
            Tree = tree,
            Snapshots = snapshots,
            Mounts = mounts,
            Draft = draft,
            User = user with { Groups = user.Groups.AddRange(mounts.Groups) },
            Scratch = scratch,
            Group = group,
        };
        using StepSandbox sandbox = SandboxFor(step, maker);
        ExitStatus status = Execute(sandbox, operation, output, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (!status.IsSuccess)
        {
            throw Failure(operation, status, sandbox.FailureHint, services.Limits.MemoryBytes > 0);
        }

        sandbox.Collect(cancellationToken);
        if (draft.Digest(tree, excluded: null, cancellationToken) is not { } digest)
        {
            sandbox.Committed(parent);
            return new LayerResult(null, 0);
        }

        draft.Commit(digest);
        sandbox.Committed(parent.Push(digest.DiffId));
        return new LayerResult(digest.DiffId, digest.Size.ContentBytes);
    }

    private static ExitStatus Execute(
        StepSandbox sandbox, RunOperation operation, IStepOutput output, CancellationToken cancellationToken)
    {
        using var streams = new StepStreams(output);
        try
        {
            return sandbox.Run(streams, cancellationToken);
        }
        catch (SandboxException failure) when (failure.IsCommandFailure)
        {
            throw new StepFailedException($"run {Describe(operation)}: {failure.Message}", failure.ShellCode)
            {
                Hint = failure.Hint,
            };
        }
    }

    /// <summary>The command in a few words, for messages.</summary>
    private static string Describe(RunOperation operation)
    {
        string text = operation.Arguments is [_, "-c", { } script] ? script : string.Join(' ', operation.Arguments);
        int end = text.IndexOf('\n', StringComparison.Ordinal);
        text = end >= 0 ? text[..end] + "..." : text;
        return text.Length <= CommandNameLength ? $"\"{text}\"" : $"\"{text[..CommandNameLength]}...\"";
    }

    private static StepFailedException Failure(
        RunOperation operation, ExitStatus status, string? hint, bool hasMemoryLimit) =>
        status.Signal == 0
            ? new StepFailedException($"run {Describe(operation)}: exit status {status.Code}", status.ShellCode)
            {
                Hint = hint,
            }
            : new StepFailedException(
                $"run {Describe(operation)}: killed by {SignalNames.Describe(status.Signal)}", status.ShellCode)
            {
                Hint = status.Signal != Libc.SigKill ? null
                    : hasMemoryLimit ? "it may have used more than --memory allows"
                    : "the machine may have run out of memory: see dmesg, or the limit of the pod",
            };
}
