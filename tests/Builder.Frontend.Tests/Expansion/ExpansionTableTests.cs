// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Expansion;

public sealed class ExpansionTableTests
{
    private const string ResultMark = " => ";
    private const string ErrorMark = " =! ";

    public static TheoryData<string, string, string> Rows()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (string kind in (string[])["one", "words", "heredoc"])
        {
            foreach (string file in Directory.EnumerateFiles(TestData.PathOf("expansion", kind)).Order())
            {
                foreach ((string variables, string row) in Read(file))
                {
                    rows.Add(kind, variables, row);
                }
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Word_expands_as_the_table_says(string kind, string variables, string row)
    {
        var scope = new DictionaryScope(variables.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(static line => line.Split('=', 2)).ToDictionary(static pair => pair[0], static pair => pair[1]));
        int error = row.LastIndexOf(ErrorMark, StringComparison.Ordinal);
        if (error >= 0)
        {
            FormatException failure = Assert.Throws<FormatException>(() => Expand(kind, row[..error], scope));
            Assert.Contains(row[(error + ErrorMark.Length)..], failure.Message, StringComparison.Ordinal);
            return;
        }

        int result = row.LastIndexOf(ResultMark, StringComparison.Ordinal);
        Assert.Equal(row[(result + ResultMark.Length)..], Expand(kind, row[..result], scope));
    }

    private static string Expand(string kind, string word, IVariableScope scope)
    {
        var expander = new WordExpander('\\');
        return kind switch
        {
            "one" => $"[{expander.Expand(word, scope)}]",
            "heredoc" => $"[{expander.ExpandHeredoc(word, scope)}]",
            _ => string.Concat(expander.ExpandToWords(word, scope).Select(static part => $"[{part}]")),
        };
    }

    private static IEnumerable<(string Variables, string Row)> Read(string file)
    {
        string variables = "";
        bool complete = false;
        foreach (string line in File.ReadLines(file))
        {
            bool isRow = line.Contains(ResultMark, StringComparison.Ordinal) || line.Contains(ErrorMark, StringComparison.Ordinal);
            if (isRow)
            {
                complete = true;
                yield return (variables, line);
            }
            else if (line.StartsWith('$'))
            {
                variables = (complete ? "" : variables) + line[1..] + "\n";
                complete = false;
            }
            else if (line.Length == 0 && complete)
            {
                variables = "";
                complete = false;
            }
        }
    }
}
