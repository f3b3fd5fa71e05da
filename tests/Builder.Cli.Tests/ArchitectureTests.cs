// SPDX-License-Identifier: Apache-2.0

using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Builder.Cli.Tests;

/// <summary>Holds the rules that no compiler holds: who may use whom, and where the dangerous things are.</summary>
public sealed partial class ArchitectureTests
{
    private const int MaxFileLines = 500;

    private static readonly string s_root = FindRoot();

    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Builder.Frontend"] = [],
        ["Builder.Solver"] = ["Builder.Frontend"],
        ["Builder.Executor"] = ["Builder.Frontend", "Builder.Solver"],
        ["Builder.Cli"] = ["Builder.Frontend", "Builder.Solver", "Builder.Executor"],
    };

    [Fact]
    public void Projects_reference_only_those_to_their_left()
    {
        foreach ((string project, string[] allowed) in s_allowed)
        {
            XDocument file = XDocument.Load(Path.Combine(s_root, "src", project, project + ".csproj"));
            string[] references = file.Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)).ToArray();
            Assert.All(references, reference => Assert.Contains(reference, allowed));
        }
    }

    [Fact]
    public void The_compiled_assemblies_depend_only_on_those_to_their_left()
    {
        foreach ((string project, string[] allowed) in s_allowed)
        {
            string assembly = project == "Builder.Cli" ? "bld" : project;
            string[] used = System.Reflection.Assembly.Load(assembly).GetReferencedAssemblies()
                .Select(name => name.Name!).Where(name => name.StartsWith("Builder.", StringComparison.Ordinal)).ToArray();
            Assert.All(used, name => Assert.Contains(name, allowed));
        }
    }

    [Fact]
    public void Unsafe_code_and_native_calls_are_in_the_executor_only()
    {
        foreach ((string file, string text) in Sources().Where(source => !source.File.Contains("/Builder.Executor/", StringComparison.Ordinal)))
        {
            Assert.False(Native().IsMatch(text), $"{file} has native or unsafe code");
        }

        foreach ((string file, string text) in Sources())
        {
            Assert.False(text.Contains("[DllImport", StringComparison.Ordinal), $"{file}: use LibraryImport");
        }
    }

    [Fact]
    public void The_terminal_is_touched_by_the_command_line_only()
    {
        foreach ((string file, string text) in Sources().Where(source => !source.File.Contains("/Builder.Cli/", StringComparison.Ordinal)))
        {
            Assert.False(Terminal().IsMatch(text), $"{file} uses Console");
        }
    }

    [Fact]
    public void The_frontend_and_the_solver_touch_no_disk_network_or_clock()
    {
        foreach ((string file, string text) in Sources().Where(source =>
            source.File.Contains("/Builder.Frontend/", StringComparison.Ordinal)
            || source.File.Contains("/Builder.Solver/", StringComparison.Ordinal)))
        {
            Assert.False(Impure().IsMatch(text), $"{file} is not pure: {Impure().Match(text)}");
        }
    }

    [Fact]
    public void Sprache_stays_in_the_grammar()
    {
        foreach ((string file, string text) in Sources())
        {
            if (text.Contains("using Sprache", StringComparison.Ordinal))
            {
                Assert.Contains("/Builder.Frontend/Grammar/", file, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Files_are_short_licensed_and_without_open_ends()
    {
        foreach ((string file, string text) in Sources())
        {
            Assert.True(text.AsSpan().Count('\n') <= MaxFileLines, $"{file} has more than {MaxFileLines} lines");
            Assert.StartsWith("// SPDX-License-Identifier: Apache-2.0\n", text, StringComparison.Ordinal);
            Assert.False(OpenEnd().IsMatch(text), $"{file}: {OpenEnd().Match(text)}");
        }
    }

    private static IEnumerable<(string File, string Text)> Sources() =>
        Directory.EnumerateFiles(Path.Combine(s_root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Select(file => (file, File.ReadAllText(file)));

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Builder.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException("the tests run inside the checkout");
    }

    [GeneratedRegex(@"\bunsafe\b(?=\s+(?:static|partial|struct|class|void|delegate|\{))|\[LibraryImport|\bstackalloc\s+\w+\s*\*")]
    private static partial Regex Native();

    [GeneratedRegex(@"\bConsole\.")]
    private static partial Regex Terminal();

    [GeneratedRegex(@"\b(?:File|Directory)\.(?:Read|Write|Open|Create|Exists|Delete|Enumerate|Get)\w*\(|\bHttpClient\b|\bSystem\.Net\b(?!\.IPAddress\b)|\bTimeProvider\.System\b|\bEnvironment\.GetEnvironmentVariable")]
    private static partial Regex Impure();

    [GeneratedRegex(@"\b(?:TODO|FIXME|HACK|XXX)\b|NotImplementedException")]
    private static partial Regex OpenEnd();
}
