// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Lint;
using Xunit;

namespace Builder.Frontend.Tests.Lint;

public sealed class OutlineTests
{
    private const string Text = """
        # inherited inherited from global
        ARG inherited=abc
        # VERSION of the base
        ARG VERSION=${inherited}-1
        ARG unused=1
        FROM alpine:$VERSION AS base
        # first the first
        # second the second
        ARG first=$inherited second=2

        # tool builds the tool
        FROM base AS tool
        ARG inherited
        ARG BUILDKIT_ONLY
        RUN --mount=type=secret,id=token,required=true --mount=type=ssh --mount=type=cache,target=/c true
        RUN --mount=type=secret,target=/etc/password true

        FROM scratch AS lonely
        ARG secret_of_lonely
        RUN --mount=type=secret,id=lonely true

        FROM scratch
        COPY --from=tool /x /x
        """;

    [Fact]
    public void The_outline_of_the_last_stage_has_what_it_reaches() =>
        Assert.Equal(
            """
            BUILD ARG       VALUE   DESCRIPTION
            inherited       abc     inherited from global
            VERSION         abc-1   of the base
            first                   the first
            second          2       the second
            BUILDKIT_ONLY   given

            SECRET     REQUIRED
            token      true
            password

            SSH       REQUIRED
            default

            CACHE
            /c


            """,
            Outline.Of(Parse(), Options(null)).ToText());

    [Fact]
    public void The_outline_of_a_named_target_has_its_description()
    {
        Outline outline = Outline.Of(Parse(), Options("TOOL"));

        Assert.StartsWith("TARGET:      tool\nDESCRIPTION: builds the tool\n\nBUILD ARG", outline.ToText(), StringComparison.Ordinal);
        Assert.DoesNotContain(outline.Secrets, secret => secret.Name == "lonely");
        Assert.Contains("\"required\": true", outline.ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_target_has_no_outline() =>
        Assert.Equal(
            "did you mean lonely?",
            Assert.Throws<DockerfileException>(() => Outline.Of(Parse(), Options("lonly"))).Hint);

    [Fact]
    public void Targets_are_listed_with_their_descriptions()
    {
        var targets = Targets.Of(Parse());

        Assert.Equal(
            """
            TARGET      DESCRIPTION
            base
            tool        builds the tool
            lonely
            (default)

            """,
            targets.ToText());
        Assert.Equal("alpine:$VERSION", targets.All[0].Base);
        Assert.Contains("\"base\": \"alpine:$VERSION\"", targets.ToJson(), StringComparison.Ordinal);
    }

    private static Dockerfile Parse() => DockerfileParser.Parse(new SourceText("Dockerfile", Text));

    private static LintOptions Options(string? target) => new()
    {
        Target = target,
        BuildArgs = ImmutableDictionary<string, string>.Empty.Add("BUILDKIT_ONLY", "given"),
    };
}
