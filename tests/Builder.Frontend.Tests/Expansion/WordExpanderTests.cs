// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Frontend.Expansion;
using Builder.TestSupport;
using CsCheck;
using Xunit;

namespace Builder.Frontend.Tests.Expansion;

public sealed class WordExpanderTests
{
    private static readonly DictionaryScope s_empty = new([]);

    [Fact]
    public void Backtick_escapes_where_the_directive_chose_it()
    {
        var scope = new DictionaryScope(new() { ["x"] = "v" });
        var expander = new WordExpander('`');
        Assert.Equal(@"$x c:\v", expander.Expand(@"`$x c:\$x", scope));
    }

    [Fact]
    public void Heredoc_escapes_with_a_backslash_whatever_the_directive_says()
    {
        Assert.Equal("$x `$", new WordExpander('`').ExpandHeredoc(@"\$x `$", s_empty));
    }

    [Fact]
    public void Trace_tells_what_was_read_and_what_was_missing()
    {
        var trace = new ExpansionTrace();
        var scope = new DictionaryScope(new() { ["set"] = "1" });
        new WordExpander('\\').Expand("$set ${missing} ${fallback:-x} '$quoted' ${other#p}", scope, trace);
        Assert.Equal(["fallback", "missing", "other", "set"], trace.Used);
        Assert.Equal(["missing", "other"], trace.Unmatched);
    }

    [Fact]
    public void Value_is_not_expanded_again()
    {
        var scope = new DictionaryScope(new() { ["a"] = "$b'${" });
        Assert.Equal("$b'${", new WordExpander('\\').Expand("$a", scope));
    }

    [Fact]
    public void Quoted_text_expands_to_itself()
    {
        Gen.String.Sample(text => Assert.Equal(text, new WordExpander('\\').Expand(Quote(text), s_empty)));
    }

    [Fact]
    public void Quoted_text_is_one_word_or_none()
    {
        Gen.String.Sample(text =>
            Assert.Equal(text.Length == 0 ? [] : new[] { text }, new WordExpander('\\').ExpandToWords(Quote(text), s_empty)));
    }

    [Fact]
    public void Deep_nesting_is_refused_and_does_not_overflow_the_stack()
    {
        string word = string.Concat(Enumerable.Repeat("${a:-", 20_000)) + new string('}', 20_000);
        Assert.Contains("nested", Assert.Throws<FormatException>(() => new WordExpander('\\').Expand(word, s_empty)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Result_that_grows_without_end_is_refused()
    {
        var scope = new DictionaryScope(new() { ["x"] = new string('x', 100_000) });
        string word = string.Concat(Enumerable.Repeat("$x", 10_000));
        Assert.Contains("longer than", Assert.Throws<FormatException>(() => new WordExpander('\\').Expand(word, scope)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("${x//*a*b*c*d/}")]
    [InlineData("${x##*a*a*a*a*a*a*a*b}")]
    [InlineData("${x%%b*a*a*a*a*a*a*a*}")]
    public void Hostile_patterns_end_soon(string word)
    {
        var scope = new DictionaryScope(new() { ["x"] = new string('a', 60_000) });
        Assert.True(HangGuard.Run(() =>
        {
            try
            {
                new WordExpander('\\').Expand(word, scope);
            }
            catch (FormatException)
            {
                // Refusing is as good as an answer.
            }

            return true;
        }));
    }

    [Fact]
    public void Patterns_match_what_a_brute_force_matcher_does()
    {
        Gen<string> text = Gen.String[Gen.Char["ab/"], 0, 8];
        Gen<string> pattern = Gen.String[Gen.Char["ab*?"], 0, 5];
        Gen.Select(text, pattern).Sample((value, glob) =>
        {
            var scope = new DictionaryScope(new() { ["v"] = value });
            var expander = new WordExpander('\\');
            List<int> prefixes = [.. Enumerable.Range(0, value.Length + 1).Where(n => Matches(glob, value[..n]))];
            List<int> suffixes = [.. Enumerable.Range(0, value.Length + 1).Where(n => Matches(glob, value[n..]))];
            Assert.Equal(prefixes.Count == 0 ? value : value[prefixes.Min()..], expander.Expand($"${{v#{glob}}}", scope));
            Assert.Equal(prefixes.Count == 0 ? value : value[prefixes.Max()..], expander.Expand($"${{v##{glob}}}", scope));
            Assert.Equal(suffixes.Count == 0 ? value : value[..suffixes.Max()], expander.Expand($"${{v%{glob}}}", scope));
            Assert.Equal(suffixes.Count == 0 ? value : value[..suffixes.Min()], expander.Expand($"${{v%%{glob}}}", scope));
        });
    }

    private static bool Matches(string glob, string text) => glob switch
    {
        "" => text.Length == 0,
        ['*', ..] => Matches(glob[1..], text) || (text.Length > 0 && Matches(glob, text[1..])),
        ['?', ..] => text.Length > 0 && Matches(glob[1..], text[1..]),
        _ => text.Length > 0 && text[0] == glob[0] && Matches(glob[1..], text[1..]),
    };

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text)
        {
            quoted.Append(c is '"' or '$' or '\\' ? "\\" : "").Append(c);
        }

        return quoted.Append('"').ToString();
    }
}
