// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Sandbox.Trace;
using Builder.Executor.Snapshots;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>A step in a directory of its own, under the tracer: for pods that allow nothing but ptrace and seccomp.</summary>
internal sealed class TraceSandbox(StepContext step, DirectoryMounts mounts, CopiedRootPool roots)
    : CopiedRootSandbox(step, mounts, roots)
{
    /// <inheritdoc/>
    protected override ExitStatus RunInRoot(StepStreams streams, CancellationToken cancellationToken)
    {
        using TracedCommand command = TracedCommand.Start(Specify(), streams.CommandSide);
        streams.HandOver();
        using (cancellationToken.Register(() => command.Process.Kill(Libc.SigKill)))
        {
            streams.Pump(command.Process);
            return command.Process.Wait();
        }
    }

    private TraceSpec Specify()
    {
        string scratch = Path.Combine(Step.Scratch, "trace");
        AtCalls.MakeDirectory(AtCalls.CurrentDirectory, PathEncoding.Encode(scratch), 0b111_000_000);
        return new TraceSpec
        {
            Root = Root.Root,
            Owners = Root.Owners,
            Scratch = scratch,
            Arguments = Step.Operation.Arguments,
            Environment = Step.Environment(),
            WorkingDirectory = Step.Operation.WorkingDirectory,
            User = Step.User,
            Hostname = Step.Operation.Hostname,
            Mounts = [.. Mounts.Mounts.Select(mount =>
                new TraceMount(Resolve(mount.Target), mount.Source, mount.IsReadOnly))],
            Files = [.. Step.Files().Select(file => file with { Target = Resolve(file.Target) })],
            PipeFiles = Step.Operation.PipeFiles,
            HasNetwork = Step.Operation.Network != NetworkMode.None,
            Ulimits = Step.Operation.Ulimits,
            Group = Step.Group,
        };
    }
}
