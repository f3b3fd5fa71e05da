// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Parsing;

public sealed class InstructionTests
{
    public static TheoryData<string> Cases() => [.. TestData.Folders("dockerfiles", "instructions")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Text_means_what_is_recorded(string name)
    {
        string folder = TestData.PathOf("dockerfiles", "instructions", name);
        Dockerfile dockerfile = Parse(Path.Combine(folder, "Dockerfile"));
        TestData.ShouldEqual(InstructionDump.Of(dockerfile, withPlaces: true), Path.Combine(folder, "expected.txt"));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Printed_text_means_the_same(string name)
    {
        Dockerfile dockerfile = Parse(TestData.PathOf("dockerfiles", "instructions", name, "Dockerfile"));
        Dockerfile again = DockerfileParser.Parse(new SourceText("printed", DockerfilePrinter.Print(dockerfile)));
        Assert.Equal(InstructionDump.Of(dockerfile, withPlaces: false), InstructionDump.Of(again, withPlaces: false));
    }

    private static Dockerfile Parse(string path) => DockerfileParser.Parse(new SourceText("Dockerfile", File.ReadAllText(path)));
}
