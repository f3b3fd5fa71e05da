// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Commands;

/// <summary><c>bld load</c>.</summary>
internal static class LoadCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<string?> input = OptionFactory.Text("--input", "FILE", "Read from here (default: standard input)", "-i");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show nothing but errors", "-q");
        Command command = new("load", "Read images from a tar") { input, quiet };
        command.SetAction((parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            using Stream archive = Open(cli, parsed.GetValue(input));
            ImmutableArray<LoadedImage> loaded = ImageLoader.Load(composition.Store, archive, cancellationToken);
            foreach (LoadedImage image in parsed.GetValue(quiet) ? [] : loaded)
            {
                foreach (ImageReference name in image.Names)
                {
                    cli.Out.WriteLine($"Loaded image: {name.FamiliarName}:{name.Tag}");
                }

                if (image.Names.IsEmpty)
                {
                    cli.Out.WriteLine($"Loaded image ID: {image.Image.Id}");
                }
            }

            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }

    private static Stream Open(CliContext cli, string? file)
    {
        if (file is null)
        {
            return cli.IsInputTerminal
                ? throw new UsageException("standard input is a terminal") { Hint = "redirect it, or give -i FILE" }
                : cli.OpenStandardInput();
        }

        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"open {file}: {exception.Message.TrimEnd('.')}");
        }
    }
}
