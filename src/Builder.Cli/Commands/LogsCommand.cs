// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text;
using Builder.Cli.CommandLine;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld logs</c>.</summary>
internal static class LogsCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("CONTAINER", "A name or id");
        Option<bool> follow = OptionFactory.Flag("--follow", "Go on until the container ends", "-f");
        Option<string?> tail = OptionFactory.Text("--tail", "N", "Only the last N lines (default all)", "-n");
        Option<bool> timestamps = OptionFactory.Flag("--timestamps", "Show when each line was written", "-t");
        Option<string?> since = OptionFactory.Text("--since", "TIME", "Only lines after this (RFC 3339, unix time, or 10m)");
        Option<string?> until = OptionFactory.Text("--until", "TIME", "Only lines before this");
        Command command = new("logs", "Show what a container wrote") { name, follow, tail, timestamps, since, until };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            ContainerRecord container = composition.Containers.Get(parsed.GetRequiredValue(name));
            DateTimeOffset? from = ParseTime(cli, parsed.GetValue(since));
            DateTimeOffset? to = ParseTime(cli, parsed.GetValue(until));
            using Stream output = cli.OpenStandardOutput();
            using Stream error = cli.OpenStandardError();
            await foreach (ContainerLogLine line in ContainerLog.ReadAsync(
                composition.Containers.LogPath(container.Id),
                ParseTail(parsed.GetValue(tail)),
                () => parsed.GetValue(follow) && IsRunning(composition, container),
                cancellationToken))
            {
                if ((from is null || line.Time >= from) && (to is null || line.Time <= to))
                {
                    string text = parsed.GetValue(timestamps) ? $"{line.TimeText} {line.Text}" : line.Text;
                    (line.IsStandardError ? error : output).Write(Encoding.UTF8.GetBytes(text));
                }
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static bool IsRunning(Composition composition, ContainerRecord container) =>
        composition.Containers.ReadState(container.Id).Status == ContainerStatus.Running;

    /// <summary>docker's rule: whatever is not a number means all.</summary>
    private static int? ParseTail(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int lines) ? lines : null;

    private static DateTimeOffset? ParseTime(CliContext cli, string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds))
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }

        if (OptionValues.TryParseDuration(text, out TimeSpan ago))
        {
            return cli.Time.GetUtcNow() - ago;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw new UsageException($"invalid time \"{text}\"") { Hint = "2024-01-02T15:04:05Z, a unix time, or 10m" };
    }
}
