// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Parsing;

public sealed class SyntaxTreeTests
{
    public static TheoryData<string> Cases() => [.. TestData.Folders("dockerfiles", "syntax")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Text_is_cut_as_recorded(string name)
    {
        string folder = TestData.PathOf("dockerfiles", "syntax", name);
        string text = File.ReadAllText(Path.Combine(folder, "Dockerfile"));
        TestData.ShouldEqual(SyntaxTree.Print(new SourceText("Dockerfile", text)), Path.Combine(folder, "expected.sexp"));
    }
}
