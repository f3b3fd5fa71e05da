// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Xunit;

namespace Builder.Cli.Tests;

public sealed class ErrorRendererTests
{
    [Fact]
    public void The_lines_around_the_place_are_shown_with_carets_below_it()
    {
        const string Text = "FROM scratch\nLABEL a=b\nRUN \techo hi \\\n  && false\nCMD x\n";
        SourceSpan place = new(new SourcePosition(3, 1), new SourcePosition(4, 11));
        Assert.Equal(
            [
                "  1 |     FROM scratch",
                "  2 |     LABEL a=b",
                "  3 | >>> RUN \techo hi \\",
                "    |     ^^^^^^^^^^^^^^",
                "  4 | >>>   && false",
                "    |       ^^^^^^^^",
            ],
            ErrorRenderer.Excerpt(Text, place));
    }

    [Fact]
    public void All_errors_of_a_dockerfile_are_shown_with_their_hints()
    {
        SourceText source = new("Dockerfile", "FROM scratch\nCOPPY a b\nRUUN x\n");
        DockerfileException failure = new(source,
        [
            Error("unknown instruction: COPPY", 2, "did you mean COPY?"),
            Error("unknown instruction: RUUN", 3, "did you mean RUN?"),
        ]);
        using TestCli cli = new();
        new ErrorRenderer(cli.Context, debug: false).Render(failure);
        Assert.Contains("error: unknown instruction: COPPY\n --> Dockerfile:2:1\n", cli.Error, StringComparison.Ordinal);
        Assert.Contains("  = hint: did you mean RUN?\n", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", cli.Error, StringComparison.Ordinal);
    }

    private static Diagnostic Error(string message, int line, string hint) => new()
    {
        Severity = DiagnosticSeverity.Error,
        Code = "ParseError",
        Message = message,
        Hint = hint,
        Span = new SourceSpan(new SourcePosition(line, 1), new SourcePosition(line, 6)),
    };
}
