// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Builder.Frontend.Lint.Reports;

namespace Builder.Frontend.Lint.Peers;

/// <summary>The builders that bld is compared with.</summary>
public enum Peer
{
    /// <summary>moby/buildkit, as docker build uses it.</summary>
    BuildKit,

    /// <summary>buildah and podman build, 1.44.</summary>
    Buildah,

    /// <summary>kaniko 1.24, the last release of the archived project; texts say where its fork differs.</summary>
    Kaniko,
}

/// <summary>What becomes of something that bld honours.</summary>
public enum PeerEffect
{
    /// <summary>The build fails.</summary>
    Rejects,

    /// <summary>The build goes on as if it were not there, and says nothing.</summary>
    Ignores,

    /// <summary>The build goes on without it and says so.</summary>
    Warns,

    /// <summary>The build gives another result.</summary>
    Differs,
}

/// <summary>One place of a Dockerfile that a peer treats otherwise than bld.</summary>
public sealed record PeerDifference
{
    /// <summary>The peer.</summary>
    public required Peer Peer { get; init; }

    /// <summary>The feature, for instance "RUN --mount=type=cache".</summary>
    public required string Feature { get; init; }

    /// <summary>What the peer does.</summary>
    public required PeerEffect Effect { get; init; }

    /// <summary>The same in a sentence, lower case, without a dot.</summary>
    public required string Explanation { get; init; }

    /// <summary>The place.</summary>
    public required SourceSpan Span { get; init; }
}

/// <summary>Says what a peer would do differently with a Dockerfile: <c>bld check --compat</c>.</summary>
public static class Compatibility
{
    /// <summary>The differences in the order of the text.</summary>
    public static ImmutableArray<PeerDifference> Check(Dockerfile dockerfile, Peer peer) =>
    [
        .. FeatureFinder.Find(dockerfile)
            .Select(use => (use.Span, Feature: PeerTable.Get(use.Feature)))
            .Where(use => use.Feature.Of(peer) is not null)
            .Select(use => new PeerDifference
            {
                Peer = peer,
                Feature = use.Feature.Name,
                Effect = use.Feature.Of(peer)!.Effect,
                Explanation = use.Feature.Of(peer)!.Explanation,
                Span = use.Span,
            })
            .Distinct()
            .OrderBy(difference => difference.Span.Start.Line)
            .ThenBy(difference => difference.Span.Start.Column),
    ];

    /// <summary>The peer of this name ("buildkit", "docker", "buildah", "podman", "kaniko"), or null.</summary>
    public static Peer? FindPeer(string name) => name.ToLowerInvariant() switch
    {
        "buildkit" or "docker" => Peer.BuildKit,
        "buildah" or "podman" => Peer.Buildah,
        "kaniko" => Peer.Kaniko,
        _ => null,
    };

    /// <summary>One line for each difference.</summary>
    public static string ToText(SourceText source, Peer peer, ImmutableArray<PeerDifference> differences)
    {
        string name = NameOf(peer);
        if (differences.IsEmpty)
        {
            return $"{name} treats {source.Name} as bld does, as far as is known.\n";
        }

        var text = new StringBuilder();
        foreach (PeerDifference difference in differences)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{source.Name}:{difference.Span.Start.Line}: {name} {Verb(difference.Effect)} {difference.Feature}: ");
            text.Append(difference.Explanation).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The same as JSON.</summary>
    public static string ToJson(SourceText source, Peer peer, ImmutableArray<PeerDifference> differences) =>
        JsonSerializer.Serialize(
            new CompatibilityJson
            {
                Peer = NameOf(peer),
                FileName = source.Name,
                Differences =
                [
                    .. differences.Select(difference => new DifferenceJson
                    {
                        Feature = difference.Feature,
                        Effect = Verb(difference.Effect),
                        Explanation = difference.Explanation,
                        Location = LocationJson.From(difference.Span),
                    }),
                ],
            },
            ReportJson.Default.CompatibilityJson) + "\n";

    private static string NameOf(Peer peer) => peer.ToString().ToLowerInvariant();

    private static string Verb(PeerEffect effect) => effect switch
    {
        PeerEffect.Rejects => "rejects",
        PeerEffect.Ignores => "silently ignores",
        PeerEffect.Warns => "ignores with a warning",
        _ => "treats differently",
    };
}
