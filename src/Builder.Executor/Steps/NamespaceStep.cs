// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Setup;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>What a step in namespaces needs, whatever its root is made of.</summary>
internal static class NamespaceStep
{
    /// <summary>Where something will be mounted: canonical paths without a leading '/', and whether each is a directory.</summary>
    public static IEnumerable<(string Path, bool IsDirectory)> MountPoints(StepContext step, NamespaceMounts mounts)
    {
        foreach (string directory in (ImmutableArray<string>)["/proc", "/sys", "/dev"])
        {
            yield return (CanonicalPath.Resolve(step.Tree, directory), true);
        }

        foreach (SandboxMount mount in mounts.Mounts)
        {
            bool isDirectory = AtCalls
                .Stat(mount.Source.Handle.Number(), PathEncoding.Encode(mount.SubPath)).IsDirectory;
            yield return (CanonicalPath.Resolve(step.Tree, mount.Target), isDirectory);
        }

        foreach (string file in step.Mounts.Files.Select(file => file.Target).Concat(StepNetworkFiles.Paths))
        {
            yield return (CanonicalPath.Resolve(step.Tree, file), false);
        }
    }

    /// <summary>The container of a step.</summary>
    public static SandboxSpec Specify(StepContext step, NamespaceMounts mounts, DetachedMount root) => new()
    {
        Root = root,
        Arguments = step.Operation.Arguments,
        Environment = step.Environment(),
        WorkingDirectory = step.Operation.WorkingDirectory,
        User = step.User,
        Hostname = step.Operation.Hostname,
        Mounts = [.. mounts.Mounts.Select(mount =>
            mount with { Target = "/" + CanonicalPath.Resolve(step.Tree, mount.Target) })],
        Files = [.. step.Files().Select(file =>
            file with { Target = "/" + CanonicalPath.Resolve(step.Tree, file.Target) })],
        PipeFiles = step.Operation.PipeFiles,
        Network = step.Operation.Network == NetworkMode.None ? SandboxNetwork.None : SandboxNetwork.Host,
        IsPrivileged = step.Operation.Insecure,
        Capabilities = step.Operation.Insecure ? CapabilitySet.All : CapabilitySet.Default,
        Ulimits = step.Operation.Ulimits,
        ShmSizeBytes = step.Operation.ShmSizeBytes,
        Group = step.Group,
    };
}
