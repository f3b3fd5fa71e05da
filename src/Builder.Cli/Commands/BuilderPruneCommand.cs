// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Maintenance;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld builder prune</c>.</summary>
internal static class BuilderPruneCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<bool> all = OptionFactory.Flag("--all", "Also what images share, and remembered digests and traces", "-a");
        Option<bool> force = OptionFactory.Flag("--force", "Do not ask", "-f");
        Option<string[]> filter = OptionFactory.List(
            "--filter", "FILTER", "until=24h, unused-for=24h, id=, type=, description~=REGEX, shared=, private=");
        Option<string?> keep = OptionFactory.Text("--keep-storage", "SIZE", "As --reserved-space");
        Option<string?> reserved = OptionFactory.Text("--reserved-space", "SIZE", "Always keep this much");
        Option<string?> maxUsed = OptionFactory.Text("--max-used-space", "SIZE", "Keep at most this much");
        Option<string?> minFree = OptionFactory.Text("--min-free-space", "SIZE", "Remove until this much of the disk is free");
        Option<bool> verbose = OptionFactory.Flag("--verbose", "Show more of what is removed");
        Command command = new("prune", "Remove build cache")
        {
            all, force, filter, keep, reserved, maxUsed, minFree, verbose,
        };
        command.SetAction(parsed =>
        {
            CacheFilter conditions = CacheFilter.Parse(parsed.GetValue(filter), cli.Time.GetUtcNow());
            PruneRule rule = new()
            {
                All = parsed.GetValue(all),
                Filter = conditions.Accepts,
                UnusedFor = conditions.UnusedFor,
                ReservedBytes = Size("--reserved-space", parsed.GetValue(reserved) ?? parsed.GetValue(keep)),
                MaxUsedBytes = Size("--max-used-space", parsed.GetValue(maxUsed)),
                MinFreeBytes = Size("--min-free-space", parsed.GetValue(minFree)),
            };
            string warning = rule.All ? "all build cache" : "all build cache that no image uses";
            if (!parsed.GetValue(force) && !PruneCommands.Confirm(cli, warning))
            {
                return ExitCode.Success;
            }

            using Composition composition = Composition.Open(cli, parsed, global);
            Prune(composition, rule, parsed.GetValue(verbose));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Prunes and tells what went.</summary>
    public static void Prune(Composition composition, PruneRule rule, bool verbose)
    {
        CliContext cli = composition.Cli;
        PruneResult result = new CachePruner(composition.Store, cli.Time).Prune(rule);
        if (!result.Removed.IsEmpty)
        {
            TextTable table = verbose
                ? new TextTable("ID", "TYPE", "SIZE", "LAST USED", "DESCRIPTION")
                : new TextTable("ID", "TYPE", "SIZE", "LAST USED");
            foreach (CacheEntry entry in result.Removed)
            {
                string[] cells =
                [
                    HumanText.ShortId(entry.Id), entry.TypeName, HumanText.Size(entry.Bytes, significantDigits: 4),
                    HumanText.Ago(entry.LastUsed, cli.Time.GetUtcNow()),
                ];
                table.Add(verbose ? [.. cells, entry.Description] : cells);
            }

            table.Write(cli.Out);
        }

        cli.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Total:\t{HumanText.Size(result.Removed.Sum(entry => entry.Bytes), significantDigits: 4)}"));
        if (!result.IsCollected)
        {
            cli.Error.WriteLine("note: another bld uses the store: layers leave the disk when it ends, cache mounts stay");
        }
    }

    private static long Size(string option, string? text)
    {
        if (text is null)
        {
            return 0;
        }

        try
        {
            return ByteSize.Parse(text);
        }
        catch (RunException exception)
        {
            throw new UsageException($"invalid argument \"{text}\" for {option}", exception)
            {
                Hint = "a number of bytes, or for instance 512MB, 10GB (powers of 1024)",
            };
        }
    }
}
