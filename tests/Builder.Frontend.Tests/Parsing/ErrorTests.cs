// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Parsing;

public sealed class ErrorTests
{
    public static TheoryData<string> Cases() => [.. TestData.Folders("dockerfiles", "errors")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Errors_are_reported_at_their_places(string name)
    {
        string folder = TestData.PathOf("dockerfiles", "errors", name);
        var source = new SourceText("Dockerfile", File.ReadAllText(Path.Combine(folder, "Dockerfile")));
        DockerfileException failure = Assert.Throws<DockerfileException>(() => DockerfileParser.Parse(source));
        var text = new StringBuilder();
        foreach (Diagnostic diagnostic in failure.Diagnostics)
        {
            text.Append(SourceExcerpt.Place(diagnostic.Span!.Value)).Append(": ").Append(diagnostic.Message).Append('\n');
            text.Append(SourceExcerpt.Marked(source.Text, diagnostic.Span.Value));
            text.Append(diagnostic.Hint is null ? "" : $"    hint: {diagnostic.Hint}\n");
        }

        TestData.ShouldEqual(text.ToString(), Path.Combine(folder, "error.txt"));
    }
}
