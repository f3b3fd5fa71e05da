// SPDX-License-Identifier: Apache-2.0

using CsCheck;

namespace Builder.Frontend.Tests.Ignore;

/// <summary>Patterns and paths over so few letters that they often meet.</summary>
internal static class PatternGenerators
{
    public static readonly Gen<string> Path =
        Gen.OneOf("a", "b", "ab", "ba", "aab", "a.b", ".a", "-", "*", "[", "é", "a\\b", "^", "B1", "\udc80")
            .Array[1, 5].Select(names => string.Join('/', names));

    public static readonly Gen<string> NamePattern = Gen.OneOf(
        "a", "b", ".", "*", "*", "?", "[ab]", "[a-b]", "[^a]", "[^a-b]", "[b\\-]", "[A-Z]", "[0-9]", "[*]", "\\*", "\\[",
        "é", "[é-ü]", "-", "!", "^", "]", "\\\\",
        " ", "{", "}", "(", ")", ",", "~", "$", "#", "+", "=", "@", "%", "&", "'", "\"", ";", ":", "<", ">", "|", "_", "`")
        .Array[1, 4].Select(string.Concat);

    public static readonly Gen<string> GlobText = NamePattern.Array[1, 4].Select(names => string.Join('/', names));

    public static readonly Gen<string> DeepText = Gen.Frequency(
            (6, NamePattern), (3, Gen.Const("**")), (1, NamePattern.Select(name => name + "**")),
            (1, NamePattern.Select(name => "**" + name)), (3, Gen.OneOf("a", "b", "ab")))
        .Array[1, 5].Select(names => string.Join('/', names));
}
