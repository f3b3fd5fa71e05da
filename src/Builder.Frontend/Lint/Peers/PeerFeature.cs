// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Lint.Peers;

/// <summary>The things in a Dockerfile that at least one peer treats otherwise.</summary>
internal enum Feature
{
    SyntaxDirective,
    EscapeDirective,
    CheckDirective,
    FromPlatform,
    PlatformArg,
    RarePlatformArg,
    AlternativeExpansion,
    RequiredExpansion,
    ReplacingExpansion,
    Maintainer,
    UserGroup,
    WorkdirOfUser,
    Volume,
    ShellForCommand,
    ZeroRetries,
    OnBuild,
    BindMount,
    CacheMount,
    PrivateCacheMount,
    TmpfsMount,
    SecretMount,
    SshMount,
    RunNetwork,
    RunSecurity,
    RunDevice,
    RunHeredoc,
    QuotedRunHeredoc,
    CopyHeredoc,
    CopyFromVariable,
    SymbolicChmod,
    Link,
    LinkWithChmod,
    Parents,
    Exclude,
    AddGit,
    AddChecksum,
    AddKeepGitDirectory,
    AddUnpack,
}

/// <summary>What one peer does with one feature.</summary>
internal sealed record PeerBehaviour(PeerEffect Effect, string Explanation);

/// <summary>A feature by its name, and what each peer does; null where it does as bld.</summary>
internal sealed record PeerFeature(
    Feature Feature, string Name, PeerBehaviour? BuildKit, PeerBehaviour? Buildah, PeerBehaviour? Kaniko)
{
    public PeerBehaviour? Of(Peer peer) => peer switch
    {
        Peer.BuildKit => BuildKit,
        Peer.Buildah => Buildah,
        _ => Kaniko,
    };
}
