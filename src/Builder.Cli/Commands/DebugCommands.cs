// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Frontend;
using Builder.Frontend.Expansion;
using Builder.Frontend.Ignore;

namespace Builder.Cli.Commands;

/// <summary><c>bld debug parse|words|ignore</c>: the parts of the Dockerfile language by themselves.</summary>
internal static class DebugCommands
{
    /// <summary>Makes <c>debug parse</c>.</summary>
    public static Command CreateParse(CliContext cli, GlobalOptions global)
    {
        Argument<string> file = OptionFactory.Operand("FILE", "A Dockerfile");
        Command command = new("parse", "Show how a Dockerfile is cut into instructions") { file };
        command.SetAction(parsed =>
        {
            cli.Out.Write(SyntaxTree.Print(ReadText(parsed.GetRequiredValue(file))));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>debug words</c>.</summary>
    public static Command CreateWords(CliContext cli, GlobalOptions global)
    {
        Argument<string> word = OptionFactory.Operand("WORD", "The text to expand");
        Option<string[]> env = OptionFactory.List("--env", "NAME=VALUE", "Set a variable", "-e");
        Option<string?> escape = OptionFactory.Text("--escape", "CHARACTER", "The escape character (default \\)");
        Command command = new("words", "Expand variables and split into words, one a line") { word, env, escape };
        command.SetAction(parsed =>
        {
            Variables variables = new();
            foreach ((string key, string value) in OptionValues.ParsePairs("--env", parsed.GetValue(env), cli.Variable))
            {
                variables.Values[key] = value;
            }

            WordExpander expander = new(parsed.GetValue(escape) == "`" ? '`' : '\\');
            try
            {
                foreach (string expanded in expander.ExpandToWords(parsed.GetRequiredValue(word), variables))
                {
                    cli.Out.WriteLine(expanded);
                }
            }
            catch (FormatException exception)
            {
                throw new CommandException($"expand \"{parsed.GetRequiredValue(word)}\": {exception.Message}");
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>debug ignore</c>.</summary>
    public static Command CreateIgnore(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> paths = OptionFactory.OptionalOperands("PATH", "Paths relative to the context");
        Option<string?> file = OptionFactory.Text("--file", "FILE", "The ignore file (default .dockerignore)", "-f");
        Command command = new("ignore", "Show which paths an ignore file leaves in the context") { paths, file };
        command.SetAction(parsed =>
        {
            IgnoreMatcher matcher = IgnoreMatcher.Parse(ReadText(parsed.GetValue(file) ?? ".dockerignore"));
            foreach (string path in (parsed.GetValue(paths) ?? []).Where(path => !matcher.IsIgnored(path)))
            {
                cli.Out.WriteLine(path);
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Reads a text file under the name by which the user knows it.</summary>
    /// <exception cref="CommandException">It cannot be read.</exception>
    public static SourceText ReadText(string path)
    {
        try
        {
            return new SourceText(path, File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"read {path}: {exception.Message.TrimEnd('.')}");
        }
    }

    private sealed class Variables : IVariableScope
    {
        public Dictionary<string, string> Values { get; } = new(StringComparer.Ordinal);

        public string? Find(string name) => Values.GetValueOrDefault(name);
    }
}
