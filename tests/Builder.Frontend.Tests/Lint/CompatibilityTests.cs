// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Lint.Peers;
using Xunit;

namespace Builder.Frontend.Tests.Lint;

public sealed class CompatibilityTests
{
    [Theory]
    [InlineData("RUN --mount=type=cache,target=/c x", Peer.Kaniko, PeerEffect.Ignores, "RUN --mount=type=cache")]
    [InlineData("RUN --mount=type=cache,target=/c,sharing=private x", Peer.Buildah, PeerEffect.Rejects, "RUN --mount=type=cache,sharing=private")]
    [InlineData("RUN --mount=target=/c x", Peer.Kaniko, PeerEffect.Ignores, "RUN --mount=type=bind")]
    [InlineData("RUN <<EOF\nx\nEOF", Peer.Kaniko, PeerEffect.Ignores, "RUN <<EOF")]
    [InlineData("RUN <<'EOF'\nx\nEOF", Peer.Kaniko, PeerEffect.Ignores, "RUN <<'EOF'")]
    [InlineData("COPY <<EOF /x\nx\nEOF", Peer.Kaniko, PeerEffect.Rejects, "COPY <<EOF")]
    [InlineData("COPY --parents a/b /x", Peer.Kaniko, PeerEffect.Ignores, "COPY --parents")]
    [InlineData("COPY --exclude=*.o . /x", Peer.Kaniko, PeerEffect.Ignores, "--exclude")]
    [InlineData("COPY --link --chmod=755 a /x", Peer.BuildKit, PeerEffect.Ignores, "--link with --chmod")]
    [InlineData("COPY --from=$STAGE a /x", Peer.BuildKit, PeerEffect.Rejects, "COPY --from=$VARIABLE")]
    [InlineData("COPY --chmod=u+x a /x", Peer.Buildah, PeerEffect.Rejects, "--chmod with letters")]
    [InlineData("ENV a=${b-c}", Peer.Buildah, PeerEffect.Rejects, "${name-word}, ${name+word}")]
    [InlineData("ENV a=${b:?c}", Peer.Buildah, PeerEffect.Differs, "${name:?message}")]
    [InlineData("ENV a=${b//c/d}", Peer.Buildah, PeerEffect.Rejects, "${name/pattern/word}")]
    [InlineData("ARG TARGETSTAGE", Peer.Buildah, PeerEffect.Differs, "platform ARG")]
    [InlineData("ADD https://github.com/a/b.git#main /x", Peer.Kaniko, PeerEffect.Rejects, "ADD of a git repository")]
    [InlineData("SHELL [\"sh\"]\nCMD x", Peer.Buildah, PeerEffect.Differs, "SHELL for CMD and ENTRYPOINT")]
    public void What_a_peer_does_otherwise_is_said(string instruction, Peer peer, PeerEffect effect, string feature)
    {
        PeerDifference difference = Assert.Single(Compatibility.Check(Parse("FROM scratch\n" + instruction), peer));

        Assert.Equal(feature, difference.Feature);
        Assert.Equal(effect, difference.Effect);
        Assert.True(difference.Span.Start.Line >= 2);
    }

    [Theory]
    [InlineData(Peer.BuildKit)]
    [InlineData(Peer.Buildah)]
    [InlineData(Peer.Kaniko)]
    public void What_all_do_alike_is_not_mentioned(Peer peer)
    {
        const string Text = """
            ARG V=1
            FROM alpine:${V:-2} AS a
            RUN true
            COPY --chown=1:1 --chmod=755 x y /z/
            ENV a=b c=${d:-e} f=${g#h}
            FROM scratch
            COPY --from=a /x /x
            ENTRYPOINT ["/x"]
            """;

        Assert.Empty(Compatibility.Check(Parse(Text), peer));
    }

    [Fact]
    public void Reports_name_line_and_effect()
    {
        Dockerfile dockerfile = Parse("FROM scratch\nRUN --network=none x\n");
        var differences = Compatibility.Check(dockerfile, Peer.Kaniko);

        Assert.StartsWith(
            "Dockerfile:2: kaniko silently ignores RUN --network: ",
            Compatibility.ToText(dockerfile.Source, Peer.Kaniko, differences),
            StringComparison.Ordinal);
        Assert.Contains(
            "\"effect\": \"silently ignores\"",
            Compatibility.ToJson(dockerfile.Source, Peer.Kaniko, differences),
            StringComparison.Ordinal);
    }

    private static Dockerfile Parse(string text) => DockerfileParser.Parse(new SourceText("Dockerfile", text));
}
