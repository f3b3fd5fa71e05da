// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Ledger;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Snapshots;
using Builder.Solver;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using Builder.Solver.Ports;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>
/// RUN: the command in a container whose root is an overlay of the parent's snapshots and a fresh upper; the upper is the
/// layer. What a killed build leaves is a directory under tmp/, no mount and no process. Thread-safe.
/// </summary>
internal sealed class RunStep(Store store, ILayerFetcher? fetcher, StepServices services)
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int CommandNameLength = 60;

    /// <summary>Runs a step and commits its layer; no layer when it changed nothing.</summary>
    public async Task<LayerResult> RunAsync(
        RunOperation operation, LayerStack parent, IStepOutput output, CancellationToken cancellationToken)
    {
        if (!operation.Devices.IsEmpty)
        {
            throw new StepMountException($"run {Describe(operation)}: device {operation.Devices[0]}: CDI devices are not supported");
        }

        if (operation.Platform is { } platform)
        {
            store.Foreign.Ensure(platform);
        }

        IReadOnlyList<string> snapshots = await store.Snapshots
            .EnsureAsync(parent, fetcher, cancellationToken).ConfigureAwait(false);
        string scratch = store.Tmp.CreateDirectory("run");
        try
        {
            using StepMounts mounts = await StepMounts.PrepareAsync(
                store, fetcher, services, scratch, operation.Mounts, cancellationToken).ConfigureAwait(false);
            var run = new Execution(store, operation, parent, snapshots, mounts, scratch, output);

            // A thread of its own: it blocks as long as the command runs.
            return await Task.Factory.StartNew(
                () => run.Run(cancellationToken), cancellationToken, TaskCreationOptions.LongRunning,
                TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            FileTreeRemover.Remove(scratch);
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

    /// <summary>One step on its way.</summary>
    private sealed class Execution(
        Store store, RunOperation operation, LayerStack parent, IReadOnlyList<string> snapshots, StepMounts mounts,
        string scratch, IStepOutput output)
    {
        private readonly MergedTree? _tree = parent.IsEmpty ? null : store.Snapshots.Open(parent);

        public LayerResult Run(CancellationToken cancellationToken)
        {
            using LayerDraft draft = store.Snapshots.BeginLayer(_tree);
            SandboxUser user = UserResolver.Resolve(
                _tree is null ? UserDatabase.Parse("", "") : UserDatabase.Read(_tree), operation.User);
            using (DetachedMount root = MountRoot(draft))
            {
                EnsureWorkingDirectory(root);
                using OwnershipLedger? ledger = HostFacts.Current.HasSingleId
                    ? new OwnershipLedger(user, draft.Owners, draft.FilesPath)
                    : null;
                ExitStatus status = Execute(
                    Specify(root, user) with { Ledger = ledger }, draft, cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                if (!status.IsSuccess)
                {
                    throw Failure(status);
                }
            }

            if (draft.Digest(_tree, excluded: null, cancellationToken) is not { } digest)
            {
                return new LayerResult(null, 0);
            }

            draft.Commit(digest);
            return new LayerResult(digest.DiffId, digest.Size.ContentBytes);
        }

        private DetachedMount MountRoot(LayerDraft draft)
        {
            string points = Path.Combine(scratch, "points");
            Directory.CreateDirectory(points);
            MountPointLayer.Create(points, _tree, Targets());
            return OverlayMount.Create(new OverlayDirectories(
                [.. snapshots.Select(snapshot => Path.Combine(snapshot, SnapshotStore.FilesDirectory)), points],
                draft.FilesPath,
                draft.WorkPath,
                HostFacts.Current.IsInUserNamespace));
        }

        private IEnumerable<(string Path, bool IsDirectory)> Targets()
        {
            foreach (string directory in (ImmutableArray<string>)["/proc", "/sys", "/dev"])
            {
                yield return (CanonicalPath.Resolve(_tree, directory), true);
            }

            foreach (SandboxMount mount in mounts.Mounts)
            {
                bool isDirectory = AtCalls
                    .Stat(mount.Source.Handle.Number(), PathEncoding.Encode(mount.SubPath)).IsDirectory;
                yield return (CanonicalPath.Resolve(_tree, mount.Target), isDirectory);
            }

            foreach (string file in mounts.Files.Select(file => file.Target).Concat(StepNetworkFiles.Paths))
            {
                yield return (CanonicalPath.Resolve(_tree, file), false);
            }
        }

        // WORKDIR made it; when it is gone since, it is made again, as a change of this step.
        private void EnsureWorkingDirectory(DetachedMount root)
        {
            string directory = operation.WorkingDirectory;
            bool isBelowMount = mounts.Mounts.Any(mount =>
                (directory + "/").StartsWith(mount.Target.TrimEnd('/') + "/", StringComparison.Ordinal));
            if (!isBelowMount)
            {
                new MountPoints(root.Handle).Ensure(
                    "/" + CanonicalPath.Resolve(_tree, directory), isDirectory: true);
            }
        }

        private SandboxSpec Specify(DetachedMount root, SandboxUser user) => new()
        {
            Root = root,
            Arguments = operation.Arguments,
            Environment = Environment(user),
            WorkingDirectory = operation.WorkingDirectory,
            User = user,
            Hostname = operation.Hostname,
            Mounts = [.. mounts.Mounts.Select(mount =>
                mount with { Target = "/" + CanonicalPath.Resolve(_tree, mount.Target) })],
            Files = [.. StepNetworkFiles.Create(operation).Concat(mounts.Files).Select(file =>
                file with { Target = "/" + CanonicalPath.Resolve(_tree, file.Target) })],
            PipeFiles = operation.PipeFiles,
            Network = operation.Network == NetworkMode.None ? SandboxNetwork.None : SandboxNetwork.Host,
            IsPrivileged = operation.Insecure,
            Capabilities = operation.Insecure ? CapabilitySet.All : CapabilitySet.Default,
            Ulimits = operation.Ulimits,
            ShmSizeBytes = operation.ShmSizeBytes,
        };

        private ImmutableArray<string> Environment(SandboxUser user)
        {
            ImmutableArray<string> given =
                [.. operation.Environment, .. operation.UnkeyedEnvironment, .. mounts.Environment];
            if (!given.Any(entry => entry.StartsWith("PATH=", StringComparison.Ordinal)))
            {
                given = given.Insert(0, DefaultPath);
            }

            return given.Any(entry => entry.StartsWith("HOME=", StringComparison.Ordinal))
                ? given
                : given.Add("HOME=" + (user.Home.Length == 0 ? "/" : user.Home));
        }

        private ExitStatus Execute(SandboxSpec spec, LayerDraft draft, CancellationToken cancellationToken)
        {
            (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
            (SafeFileHandle errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
            using (outputRead)
            using (errorRead)
            using (SandboxProcess process = Start(spec, outputWrite, errorWrite))
            using (cancellationToken.Register(() => process.Kill(Libc.SigKill)))
            {
                OutputPump.Run(
                    process.Process, outputRead, errorRead, output.Write, deadline: long.MaxValue);
                ExitStatus status = process.Wait();
                process.RemoveMountPoints(draft.FilesPath);
                return status;
            }
        }

        private SandboxProcess Start(SandboxSpec spec, SafeFileHandle outputWrite, SafeFileHandle errorWrite)
        {
            using (outputWrite)
            using (errorWrite)
            using (SafeFileHandle input = File.OpenHandle("/dev/null"))
            {
                try
                {
                    return SandboxProcess.Start(spec, new SandboxIo.Streams(input, outputWrite, errorWrite));
                }
                catch (SandboxException failure) when (failure.IsCommandFailure)
                {
                    throw new StepFailedException($"run {Describe(operation)}: {failure.Message}", failure.ShellCode)
                    {
                        Hint = failure.Hint,
                    };
                }
            }
        }

        private StepFailedException Failure(ExitStatus status) =>
            status.Signal == 0
                ? new StepFailedException($"run {Describe(operation)}: exit status {status.Code}", status.ShellCode)
                : new StepFailedException(
                    $"run {Describe(operation)}: killed by {SignalNames.Describe(status.Signal)}", status.ShellCode)
                {
                    Hint = status.Signal == Libc.SigKill
                        ? "the machine may have run out of memory: see dmesg, or the limit of the pod"
                        : null,
                };
    }
}
