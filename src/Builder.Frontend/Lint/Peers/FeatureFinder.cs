// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint.Peers;

/// <summary>Finds the features that a Dockerfile uses, with their places.</summary>
internal static class FeatureFinder
{
    private static readonly HashSet<string> s_platformArgs = new(StringComparer.Ordinal)
    {
        "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT",
        "BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
    };

    private static readonly HashSet<string> s_rarePlatformArgs =
        new(StringComparer.Ordinal) { "TARGETOSVERSION", "BUILDOSVERSION", "TARGETSTAGE" };

    public static IEnumerable<(Feature Feature, SourceSpan Span)> Find(Dockerfile dockerfile) =>
    [
        .. Directives(dockerfile),
        .. dockerfile.GlobalArgs.SelectMany(OfInstruction),
        .. dockerfile.Stages.SelectMany(OfStage),
    ];

    private static IEnumerable<(Feature Feature, SourceSpan Span)> Directives(Dockerfile dockerfile)
    {
        var top = SourceSpan.Lines(1, 1);
        if (dockerfile.Syntax is not null)
        {
            yield return (Feature.SyntaxDirective, top);
        }

        if (dockerfile.EscapeCharacter != '\\')
        {
            yield return (Feature.EscapeDirective, top);
        }

        if (dockerfile.Check is not null)
        {
            yield return (Feature.CheckDirective, top);
        }
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfStage(Stage stage)
    {
        FromInstruction from = stage.From;
        foreach ((Feature, SourceSpan) use in ExpansionForms.Find(from.Image))
        {
            yield return use;
        }

        if (from.Platform is { } platform)
        {
            yield return (Feature.FromPlatform, platform.Span);
        }

        bool hasUser = false, hasShell = false;
        foreach (Instruction instruction in stage.Instructions)
        {
            hasUser |= instruction is UserInstruction;
            hasShell |= instruction is ShellInstruction;
            if (hasUser && instruction is WorkdirInstruction)
            {
                yield return (Feature.WorkdirOfUser, instruction.Span);
            }

            if (hasShell
                && instruction is CmdInstruction { Command: ShellForm } or EntrypointInstruction { Command: ShellForm })
            {
                yield return (Feature.ShellForCommand, instruction.Span);
            }

            foreach ((Feature, SourceSpan) use in OfInstruction(instruction))
            {
                yield return use;
            }
        }
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfInstruction(Instruction instruction)
    {
        IEnumerable<Word> words = instruction is ArgInstruction definitions
            ? definitions.Definitions.Select(definition => definition.Value).OfType<Word>()
            : ExpandedWords.Of(instruction);
        IEnumerable<(Feature, SourceSpan)> own = instruction switch
        {
            ArgInstruction arg => OfArg(arg),
            RunInstruction run => OfRun(run),
            TransferInstruction transfer => OfTransfer(transfer),
            MaintainerInstruction => [(Feature.Maintainer, instruction.Span)],
            VolumeInstruction => [(Feature.Volume, instruction.Span)],
            HealthcheckInstruction { Retries: 0 } => [(Feature.ZeroRetries, instruction.Span)],
            UserInstruction user when user.User.Text.Contains(':', StringComparison.Ordinal) =>
                [(Feature.UserGroup, user.User.Span)],
            OnBuildInstruction onBuild => [(Feature.OnBuild, instruction.Span), .. OfInstruction(onBuild.Trigger)],
            _ => [],
        };
        return [.. own, .. words.SelectMany(ExpansionForms.Find)];
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfArg(ArgInstruction arg)
    {
        foreach (Word name in arg.Definitions.Select(definition => definition.Key))
        {
            if (s_platformArgs.Contains(name.Text))
            {
                yield return (Feature.PlatformArg, name.Span);
            }
            else if (s_rarePlatformArgs.Contains(name.Text))
            {
                yield return (Feature.RarePlatformArg, name.Span);
            }
        }
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfRun(RunInstruction run)
    {
        foreach (Word mount in run.Mounts)
        {
            yield return (OfMount(mount.Text), mount.Span);
        }

        if (run.Network is { } network)
        {
            yield return (Feature.RunNetwork, network.Span);
        }

        if (run.Security is { } security)
        {
            yield return (Feature.RunSecurity, security.Span);
        }

        foreach (Word device in run.Devices)
        {
            yield return (Feature.RunDevice, device.Span);
        }

        if (!run.Heredocs.IsEmpty)
        {
            bool isQuoted = run.Heredocs.Any(heredoc => !heredoc.Expand);
            yield return (isQuoted ? Feature.QuotedRunHeredoc : Feature.RunHeredoc, run.Span);
        }
    }

    private static Feature OfMount(string mount) => StageLinks.OptionOf(mount, "type")?.ToLowerInvariant() switch
    {
        "cache" when StageLinks.OptionOf(mount, "sharing") == "private" => Feature.PrivateCacheMount,
        "cache" => Feature.CacheMount,
        "tmpfs" => Feature.TmpfsMount,
        "secret" => Feature.SecretMount,
        "ssh" => Feature.SshMount,
        _ => Feature.BindMount,
    };

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfTransfer(TransferInstruction transfer)
    {
        if (transfer.Chmod is { } mode && !mode.Text.Contains('$', StringComparison.Ordinal)
            && !mode.Text.All(char.IsAsciiDigit))
        {
            yield return (Feature.SymbolicChmod, mode.Span);
        }

        if (transfer.Link)
        {
            yield return (transfer.Chmod is null ? Feature.Link : Feature.LinkWithChmod, transfer.Span);
        }

        foreach (Word pattern in transfer.Exclude)
        {
            yield return (Feature.Exclude, pattern.Span);
        }

        if (!transfer.Heredocs.IsEmpty)
        {
            yield return (Feature.CopyHeredoc, transfer.Span);
        }

        IEnumerable<(Feature, SourceSpan)> own = transfer switch
        {
            CopyInstruction copy => OfCopy(copy),
            AddInstruction add => OfAdd(add),
            _ => [],
        };
        foreach ((Feature, SourceSpan) use in own)
        {
            yield return use;
        }
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfCopy(CopyInstruction copy)
    {
        if (copy.From is { } from && from.Text.Contains('$', StringComparison.Ordinal))
        {
            yield return (Feature.CopyFromVariable, from.Span);
        }

        if (copy.Parents)
        {
            yield return (Feature.Parents, copy.Span);
        }
    }

    private static IEnumerable<(Feature Feature, SourceSpan Span)> OfAdd(AddInstruction add)
    {
        foreach (Word source in add.Sources.Where(source => IsGit(source.Text)))
        {
            yield return (Feature.AddGit, source.Span);
        }

        if (add.Checksum is { } checksum)
        {
            yield return (Feature.AddChecksum, checksum.Span);
        }

        if (add.KeepGitDir is not null)
        {
            yield return (Feature.AddKeepGitDirectory, add.Span);
        }

        if (add.Unpack is not null)
        {
            yield return (Feature.AddUnpack, add.Span);
        }
    }

    private static bool IsGit(string source)
    {
        string withoutFragment = source.Split('#', '?')[0];
        bool isUrl = withoutFragment.Contains("://", StringComparison.Ordinal);
        return withoutFragment.StartsWith("git@", StringComparison.Ordinal)
            || withoutFragment.StartsWith("git://", StringComparison.Ordinal)
            || withoutFragment.StartsWith("ssh://", StringComparison.Ordinal)
            || (isUrl && withoutFragment.EndsWith(".git", StringComparison.Ordinal));
    }
}
