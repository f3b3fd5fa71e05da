// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Running;
using Builder.Frontend;

namespace Builder.Cli;

/// <summary>
/// Shows a failure: cause, place with the lines of the Dockerfile and carets, what to do next. Nothing else in the
/// program prints errors.
/// </summary>
internal sealed class ErrorRenderer(CliContext cli, bool debug)
{
    private const int ContextLines = 2;
    private const int MaxShownErrors = 20;
    private const int MaxExcerptLines = 12;

    /// <summary>The status with which a failure ends the program.</summary>
    public static int ExitCodeOf(BuildException exception) => exception switch
    {
        UsageException => ExitCode.Usage,
        CommandException command => command.ExitCode,
        RunException { Failure: RunFailure.NoSuchContainer or RunFailure.WrongState } => ExitCode.Failure,
        RunException run => ContainerSession.ExitCodeOf(run.Failure),
        _ => ExitCode.Failure,
    };

    /// <summary>Shows a failure that is a mistake of the program or of the machine.</summary>
    public static int RenderUnexpected(CliContext cli, Exception exception, bool debug)
    {
        bool isOfMachine = exception is IOException or UnauthorizedAccessException;
        cli.Error.WriteLine(isOfMachine
            ? $"error: {Uncapitalized(exception.Message)}"
            : $"error: {exception.GetType().Name}: {exception.Message}");
        cli.Error.WriteLine(debug ? exception.ToString() : "  = hint: run again with --debug for the stack trace");
        return ExitCode.Failure;
    }

    /// <summary>Shows a failure.</summary>
    public void Render(BuildException exception)
    {
        if (exception is DockerfileException dockerfile)
        {
            foreach (Diagnostic diagnostic in dockerfile.Diagnostics.Take(MaxShownErrors))
            {
                Render(diagnostic, dockerfile.Dockerfile);
            }

            int more = dockerfile.Diagnostics.Length - MaxShownErrors;
            if (more > 0)
            {
                cli.Error.WriteLine($"error: and {more} more");
            }
        }
        else
        {
            cli.Error.WriteLine($"{Label("error", DiagnosticSeverity.Error)}: {exception.Message}");
            RenderPlace(exception.Dockerfile, exception.Location);
            RenderHint(exception.Hint);
        }

        if (debug)
        {
            cli.Error.WriteLine(exception.ToString());
        }
    }

    /// <summary>Shows one finding with its place.</summary>
    public void Render(Diagnostic diagnostic, SourceText? source)
    {
        bool isError = diagnostic.Severity == DiagnosticSeverity.Error;
        string word = isError ? "error" : $"warning[{diagnostic.Code}]";
        cli.Error.WriteLine($"{Label(word, diagnostic.Severity)}: {diagnostic.Message}");
        RenderPlace(source, diagnostic.Span);
        RenderHint(diagnostic.Hint);
    }

    private void RenderHint(string? hint)
    {
        if (hint is not null)
        {
            cli.Error.WriteLine($"  = hint: {hint}");
        }
    }

    private void RenderPlace(SourceText? source, SourceSpan? span)
    {
        if (source is null)
        {
            return;
        }

        if (span is not { } place)
        {
            cli.Error.WriteLine($" --> {source.Name}");
            return;
        }

        cli.Error.WriteLine($" --> {source.Name}:{place.Start.Line}:{place.Start.Column}");
        foreach (string line in Excerpt(source.Text, place))
        {
            cli.Error.WriteLine(line);
        }
    }

    /// <summary>The lines around a place, numbered, with carets below the part that is meant.</summary>
    internal static IEnumerable<string> Excerpt(string text, SourceSpan place)
    {
        string[] lines = text.Split('\n');
        int last = Math.Min(place.End.Line, lines.Length);
        int from = Math.Max(1, place.Start.Line - ContextLines);
        int to = Math.Min(last, from + MaxExcerptLines - 1);
        int width = to.ToString(CultureInfo.InvariantCulture).Length;
        string margin = new(' ', width);
        for (int number = from; number <= to; number++)
        {
            string line = lines[number - 1].TrimEnd('\r');
            bool isMeant = number >= place.Start.Line;
            string shown = number.ToString(CultureInfo.InvariantCulture).PadLeft(width);
            yield return $"  {shown} | {(isMeant ? ">>>" : "   ")} {line}".TrimEnd();
            string carets = isMeant ? Carets(line, number, place) : "";
            if (carets.Length > 0)
            {
                yield return $"  {margin} |     {carets}";
            }
        }

        if (to < last)
        {
            yield return $"  {margin} |     ...";
        }
    }

    private static string Carets(string line, int number, SourceSpan place)
    {
        int indent = line.Length - line.TrimStart().Length;
        int start = number == place.Start.Line ? Math.Min(place.Start.Column - 1, line.Length) : indent;
        int end = number == place.End.Line ? Math.Min(place.End.Column - 1, line.Length) : line.TrimEnd().Length;
        start = place.Start.Column == 1 && number == place.Start.Line ? Math.Max(start, indent) : start;
        if (start >= line.Length)
        {
            return "";
        }

        // Tabs stay tabs so that the carets stand below what they mean.
        string pad = string.Concat(line.AsSpan(0, start).ToString().Select(c => c == '\t' ? '\t' : ' '));
        return pad + new string('^', Math.Max(1, end - start));
    }

    // The messages of the class library are sentences.
    private static string Uncapitalized(string message) =>
        message.Length > 1 && char.IsLower(message[1]) ? char.ToLowerInvariant(message[0]) + message[1..].TrimEnd('.') : message;

    private string Label(string word, DiagnosticSeverity severity)
    {
        if (!cli.IsErrorTerminal || cli.Variable("NO_COLOR") is { Length: > 0 })
        {
            return word;
        }

        return severity == DiagnosticSeverity.Error ? $"\e[1;31m{word}\e[0m" : $"\e[1;33m{word}\e[0m";
    }
}
