// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Commands;

/// <summary><c>bld images</c>, <c>bld image ls</c>.</summary>
internal static class ImagesCommand
{
    private const string None = "<none>";

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string?> repository = OptionFactory.OptionalOperand("REPOSITORY[:TAG]", "Show only images of this name");
        Option<bool> all = OptionFactory.Flag("--all", "Show all images", "-a");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only ids", "-q");
        Option<bool> digests = OptionFactory.Flag("--digests", "Show digests");
        Option<bool> noTruncation = OptionFactory.Flag("--no-trunc", "Do not cut ids");
        Option<string[]> filter = OptionFactory.List(
            "--filter", "FILTER", "dangling=true|false, label=KEY[=VALUE], reference=PATTERN, before=IMAGE, since=IMAGE", "-f");
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("images", "List images")
        {
            repository, all, quiet, digests, noTruncation, filter, format,
        };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            ImageFilter matcher = ImageFilter.Parse(parsed.GetValue(filter) ?? [], composition.Images);
            List<ImageRow> rows = Rows(composition, parsed.GetValue(repository), matcher, parsed.GetValue(noTruncation));
            Write(
                cli, rows, parsed.GetValue(quiet), parsed.GetValue(digests), parsed.GetValue(format));
            return ExitCode.Success;
        });
        return command;
    }

    private static List<ImageRow> Rows(Composition composition, string? wanted, ImageFilter filter, bool noTruncation)
    {
        List<ImageRow> rows = [];
        DateTimeOffset now = composition.Time.GetUtcNow();
        foreach (StoredImage image in composition.Images.List().Where(filter.Accepts))
        {
            long size = composition.Images.SizeOf(image);
            IEnumerable<ImageReference?> names = image.Names.IsEmpty ? [null] : image.Names.Cast<ImageReference?>();
            foreach (ImageReference? name in names.Where(name => Matches(name, wanted) && filter.AcceptsName(name)))
            {
                rows.Add(Row(image, name, size, now, noTruncation));
            }
        }

        return rows;
    }

    private static ImageRow Row(StoredImage image, ImageReference? name, long size, DateTimeOffset now, bool noTruncation)
    {
        string? digest = name is null ? null : image.RepoDigests
            .FirstOrDefault(repo => repo.StartsWith(name.FamiliarName + "@", StringComparison.Ordinal));
        return new ImageRow(
            name?.FamiliarName ?? None,
            name?.Tag ?? None,
            noTruncation ? image.Id.ToString() : HumanText.ShortId(image.Id.ToString()),
            digest is null ? None : digest[(digest.IndexOf('@', StringComparison.Ordinal) + 1)..],
            HumanText.Ago(image.Config.Created, now),
            image.Config.Created is { } created ? HumanText.Timestamp(created) : "N/A",
            HumanText.Size(size));
    }

    /// <summary>docker's rule: without a tag every tag of the repository matches.</summary>
    private static bool Matches(ImageReference? name, string? wanted)
    {
        if (wanted is null)
        {
            return true;
        }

        if (name is null || !ImageReference.TryParse(wanted, out ImageReference? pattern))
        {
            return false;
        }

        bool hasTag = wanted.LastIndexOf(':') > wanted.LastIndexOf('/');
        return name.Registry == pattern.Registry && name.Repository == pattern.Repository
            && (!hasTag || name.Tag == pattern.Tag);
    }

    private static void Write(CliContext cli, List<ImageRow> rows, bool quiet, bool digests, string? format)
    {
        if (quiet)
        {
            foreach (string id in rows.Select(row => row.ID).Distinct(StringComparer.Ordinal))
            {
                cli.Out.WriteLine(id);
            }

            return;
        }

        if (!FormattedOutput.IsTable(format))
        {
            List<JsonNode> nodes = [.. rows.Select(row => OutputJson.ToNode(row, OutputJson.Default.ImageRow))];
            FormattedOutput.WriteRows(cli, format!, nodes);
            return;
        }

        TextTable table = digests
            ? new TextTable("REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE")
            : new TextTable("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE");
        foreach (ImageRow row in rows)
        {
            string[] cells = digests
                ? [row.Repository, row.Tag, row.Digest, row.ID, row.CreatedSince, row.Size]
                : [row.Repository, row.Tag, row.ID, row.CreatedSince, row.Size];
            table.Add(cells);
        }

        table.Write(cli.Out);
    }
}

/// <summary>A row of <c>images</c>, by the names that docker's templates use.</summary>
internal sealed record ImageRow(
    string Repository, string Tag, string ID, string Digest, string CreatedSince, string CreatedAt, string Size);
