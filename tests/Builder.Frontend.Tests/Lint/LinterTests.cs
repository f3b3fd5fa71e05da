// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.Frontend.Lint;
using Builder.Frontend.Lint.Reports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Lint;

public sealed class LinterTests
{
    public static TheoryData<string> Cases() => [.. TestData.Folders("dockerfiles", "lint")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Findings_are_those_recorded(string name)
    {
        var lintCase = new LintCase(Path.Combine(LintCase.Root, name));
        TestData.ShouldEqual(lintCase.Run(), lintCase.ExpectedPath);
    }

    [Fact]
    public void Every_rule_is_found_by_some_case()
    {
        string recorded = string.Concat(
            Directory.GetFiles(LintCase.Root, "expected.txt", SearchOption.AllDirectories).Select(File.ReadAllText));

        Assert.Equal(22, LintRule.All.Count(rule => rule.Url is not null));
        Assert.All(LintRule.All, rule => Assert.Contains($" {rule.Name}: ", recorded, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("skip")]
    [InlineData("error=maybe")]
    [InlineData("skipp=all")]
    public void Malformed_options_are_an_error_at_the_directive(string options)
    {
        Dockerfile dockerfile = Parse($"# syntax=x\n# check={options}\nFROM scratch\n");

        DockerfileException failure =
            Assert.Throws<DockerfileException>(() => Linter.Check(dockerfile, new LintOptions()));
        Assert.Equal(2, failure.Location!.Value.Start.Line);
        Assert.Contains("invalid check option", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_failure_names_each_violated_rule_once()
    {
        Dockerfile dockerfile = Parse("# check=error=true\nFROM scratch\nMAINTAINER a\nMAINTAINER b\nCMD x\n");

        Assert.Equal(
            "lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated",
            Linter.FailureMessage(Linter.Check(dockerfile, new LintOptions())));
        Assert.Null(Linter.FailureMessage([]));
    }

    [Fact]
    public void The_text_report_shows_the_lines()
    {
        Dockerfile dockerfile = Parse("FROM scratch\n\nMAINTAINER me\n\n\n\n");

        Assert.Equal(
            """
            Check complete, 1 warning has been found!

            WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/
            Maintainer instruction is deprecated in favor of using label
            hint: write LABEL org.opencontainers.image.authors="NAME"
            Dockerfile:3
            --------------------
               1 |     FROM scratch
               2 |
               3 | >>> MAINTAINER me
               4 |
               5 |
            --------------------

            """,
            LintText.Write(dockerfile.Source, Linter.Check(dockerfile, new LintOptions())));
    }

    [Fact]
    public void The_json_report_has_the_fields_of_BuildKit()
    {
        Dockerfile dockerfile = Parse("FROM scratch AS Big\n");
        using var json = JsonDocument.Parse(
            LintJson.Write(dockerfile.Source, Linter.Check(dockerfile, new LintOptions())));

        JsonElement warning = json.RootElement.GetProperty("warnings")[0];
        Assert.Equal("StageNameCasing", warning.GetProperty("ruleName").GetString());
        Assert.Equal("Stage name 'Big' should be lowercase", warning.GetProperty("detail").GetString());
        JsonElement start = warning.GetProperty("location").GetProperty("ranges")[0].GetProperty("start");
        Assert.Equal(1, start.GetProperty("line").GetInt32());
        Assert.Equal(16, start.GetProperty("character").GetInt32());
        byte[] data = json.RootElement.GetProperty("sources")[0].GetProperty("data").GetBytesFromBase64();
        Assert.Equal("FROM scratch AS Big\n"u8, data);
    }

    [Fact]
    public void The_sarif_report_points_at_the_file_and_describes_the_rule()
    {
        Dockerfile dockerfile = DockerfileParser.Parse(new SourceText("docker/my file", "FROM scratch AS Big\n"));
        using var json = JsonDocument.Parse(
            LintSarif.Write(dockerfile.Source, Linter.Check(dockerfile, new LintOptions()), "1.2.3"));

        JsonElement run = json.RootElement.GetProperty("runs")[0];
        JsonElement result = run.GetProperty("results")[0];
        JsonElement place = result.GetProperty("locations")[0].GetProperty("physicalLocation");
        Assert.Equal("2.1.0", json.RootElement.GetProperty("version").GetString());
        Assert.Equal("StageNameCasing", result.GetProperty("ruleId").GetString());
        Assert.Equal("docker/my%20file", place.GetProperty("artifactLocation").GetProperty("uri").GetString());
        Assert.Equal(17, place.GetProperty("region").GetProperty("startColumn").GetInt32());
        JsonElement driver = run.GetProperty("tool").GetProperty("driver");
        Assert.Equal("StageNameCasing", driver.GetProperty("rules")[0].GetProperty("id").GetString());
        Assert.Equal("1.2.3", driver.GetProperty("version").GetString());
    }

    private static Dockerfile Parse(string text) => DockerfileParser.Parse(new SourceText("Dockerfile", text));
}
