// SPDX-License-Identifier: Apache-2.0

namespace Builder.Cli.Running;

/// <summary><c>-e</c> and <c>--env-file</c> as docker reads them.</summary>
internal static class EnvironmentValues
{
    /// <summary><c>NAME=VALUE</c>, or <c>NAME</c> for the caller's value (which removes the image's when it is not set).</summary>
    public static IEnumerable<string> Read(CliContext cli, string[]? values) =>
        (values ?? []).Select(text => Complete(cli, text, "--env"));

    /// <summary>A file of such lines: no quotes, <c>#</c> begins a comment at the start of a line only.</summary>
    /// <exception cref="UsageException">It cannot be read, or a name has blanks.</exception>
    public static IEnumerable<string> ReadFile(CliContext cli, string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"read env file {path}: {exception.Message.TrimEnd('.')}", exception);
        }

        return lines.Select(line => line.TrimStart())
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => Complete(cli, line, path));
    }

    private static string Complete(CliContext cli, string text, string source)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? text.Trim() : text[..equals];
        if (name.Length == 0 || name.Any(char.IsWhiteSpace))
        {
            throw new UsageException($"invalid variable \"{name}\" in {source}: a name has no blanks and is not empty");
        }

        return equals >= 0 ? text : cli.Variable(name) is { } value ? $"{name}={value}" : name;
    }
}
