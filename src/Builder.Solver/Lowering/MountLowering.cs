// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Frontend.Instructions;
using Builder.Solver.Graph;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Solver.Lowering;

/// <summary>Turns <c>RUN --mount</c> into mounts with their defaults applied and their sources found.</summary>
internal sealed class MountLowering
{
    private const string NamespaceArgument = "BUILDKIT_CACHE_MOUNT_NS";
    private const int CacheMode = 0b111_101_101;
    private const int SecretMode = 0b100_000_000;
    private const int SocketMode = 0b110_000_000;

    private readonly LoweringContext _context;
    private readonly StageLowering _stages;

    /// <summary>Creates the lowering.</summary>
    public MountLowering(LoweringContext context, StageLowering stages)
    {
        _context = context;
        _stages = stages;
    }

    /// <summary>Lowers the mounts of a RUN in order.</summary>
    /// <exception cref="SolveException">A mount is malformed.</exception>
    public ImmutableArray<VertexMount> Lower(
        ResolvedStage resolved, LoweredStage stage, RunInstruction run, VertexOrigin origin)
    {
        if (run.Mounts.IsEmpty)
        {
            return [];
        }

        ImmutableArray<VertexMount>.Builder mounts = ImmutableArray.CreateBuilder<VertexMount>(run.Mounts.Length);
        int sockets = 0;
        foreach (Word word in run.Mounts)
        {
            RunMount mount = Parse(stage, word);
            switch (mount.Type)
            {
                case RunMountType.Bind:
                    mounts.Add(LowerBind(resolved, stage, mount, word, origin));
                    break;
                case RunMountType.Cache:
                    mounts.Add(LowerCache(resolved, stage, mount, word, origin));
                    break;
                case RunMountType.Tmpfs:
                    string target = Target(stage, mount.Target, word);
                    mounts.Add(new VertexMount(new TmpfsStepMount(target, mount.SizeBytes ?? 0), null));
                    break;
                case RunMountType.Secret:
                    mounts.Add(new VertexMount(LowerSecret(stage, mount, word), null));
                    break;
                case RunMountType.Ssh:
                    mounts.Add(new VertexMount(LowerSsh(stage, mount, sockets), null));
                    sockets++;
                    break;
                default:
                    throw _context.Words.Error(word.Span, $"mount type {mount.Type}: it cannot be built");
            }
        }

        return mounts.MoveToImmutable();
    }

    private static SshStepMount LowerSsh(LoweredStage stage, RunMount mount, int number)
    {
        string target = mount.Target
            ?? string.Create(CultureInfo.InvariantCulture, $"/run/buildkit/ssh_agent.{number}");
        return new SshStepMount(
            ContainerPath.Clean(ContainerPath.Resolve(stage.Config.WorkingDirectory, target)),
            mount.Id ?? mount.Source ?? "default",
            mount.Required,
            mount.Mode ?? SocketMode,
            mount.UserId ?? 0,
            mount.GroupId ?? 0);
    }

    private RunMount Parse(LoweredStage stage, Word word)
    {
        string value = MountFields.Expand(word, _context.Words, stage.Variables);
        try
        {
            return RunMountParser.Parse(value);
        }
        catch (FormatException failure)
        {
            throw _context.Words.Error(word.Span, $"mount \"{value}\": {failure.Message}", failure);
        }
    }

    private VertexMount LowerBind(
        ResolvedStage resolved, LoweredStage stage, RunMount mount, Word word, VertexOrigin origin)
    {
        string target = Target(stage, mount.Target, word);
        (FileSystemInput source, string path) = Source(resolved, mount, origin);
        return new VertexMount(
            new BindStepMount(target, LayerStack.Empty, path, mount.ReadWrite == true), source);
    }

    private VertexMount LowerCache(
        ResolvedStage resolved, LoweredStage stage, RunMount mount, Word word, VertexOrigin origin)
    {
        string target = Target(stage, mount.Target, word);
        FileSystemInput? initial = null;
        string path = "";
        if (mount.From is not null)
        {
            (initial, path) = Source(resolved, mount, origin);
        }

        string space = _context.Arguments.Find(NamespaceArgument) is { Length: > 0 } name ? name + "/" : "";
        string id = string.IsNullOrEmpty(mount.Id) ? CleanId(mount.Target!) : mount.Id;
        return new VertexMount(
            new CacheStepMount(
                target,
                space + id,
                mount.Sharing,
                mount.ReadWrite == false,
                initial is null ? null : LayerStack.Empty,
                path,
                mount.Mode ?? CacheMode,
                mount.UserId ?? 0,
                mount.GroupId ?? 0),
            initial);
    }

    private SecretStepMount LowerSecret(LoweredStage stage, RunMount mount, Word word)
    {
        string? id = mount.Source ?? mount.Id;
        if (string.IsNullOrEmpty(id))
        {
            id = mount.Target is { Length: > 0 } place
                ? LastName(place)
                : throw _context.Words.Error(word.Span, $"mount \"{word}\": a secret needs an id or a target");
        }

        string target = mount.Target is { Length: > 0 } given
            ? ContainerPath.Clean(ContainerPath.Resolve(stage.Config.WorkingDirectory, given))
            : mount.EnvironmentVariable is null ? $"/run/secrets/{LastName(id)}" : "";
        return new SecretStepMount(
            target,
            id,
            mount.EnvironmentVariable,
            mount.Required,
            mount.Mode ?? SecretMode,
            mount.UserId ?? 0,
            mount.GroupId ?? 0);
    }

    private string Target(LoweredStage stage, string? target, Word word)
    {
        if (string.IsNullOrEmpty(target))
        {
            throw _context.Words.Error(word.Span, $"mount \"{word}\": it has no target");
        }

        string clean = ContainerPath.Clean(ContainerPath.Resolve(stage.Config.WorkingDirectory, target));
        return clean != "/"
            ? clean
            : throw _context.Words.Error(
                word.Span, $"mount \"{word}\": invalid mount target \"/\"", hint: "mount onto a directory below it");
    }

    private (FileSystemInput Source, string Path) Source(ResolvedStage resolved, RunMount mount, VertexOrigin origin)
    {
        string path = ContainerPath.Clean("/" + mount.Source)[1..];
        if (string.IsNullOrEmpty(mount.From))
        {
            return (_context.ContextFiles(null, path, FilesOrigin(origin, path)), path);
        }

        FileSource source = resolved.Sources[mount.From];
        return source is NamedContextSource named
            ? (_context.ContextFiles(named.Name, path, FilesOrigin(origin, path)), path)
            : (_stages.FileSystemOf(source), path);
    }

    private static VertexOrigin FilesOrigin(VertexOrigin origin, string path) =>
        origin with
        {
            Name = $"[internal] files of the build context for a mount ({(path.Length == 0 ? "." : path)})",
            Text = $"context {path}",
        };

    private static string LastName(string path) => path[(path.TrimEnd('/').LastIndexOf('/') + 1)..].TrimEnd('/');

    private static string CleanId(string target) =>
        target.StartsWith('/') ? ContainerPath.Clean(target) : ContainerPath.Clean("/" + target)[1..];
}
