// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Commands;

/// <summary><c>bld save</c>.</summary>
internal static class SaveCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("IMAGE", "Names or ids");
        Option<string?> output = OptionFactory.Text("--output", "FILE", "Write here (default: standard output)", "-o");
        Command command = new("save", "Write images to a tar that docker, podman and bld load") { names, output };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            List<ExportGroup> groups = [.. parsed.GetValue(names)!.Select(name => Group(composition, name))];
            ImageExporter exporter = new(composition.Store, composition.ImageSource.Layers);
            ExportOptions options = new() { DockerArchive = true, Compression = CompressionOptions.AsStored };
            if (parsed.GetValue(output) is { } file)
            {
                await exporter.WriteTarAsync(groups, file, options, cancellationToken);
                return ExitCode.Success;
            }

            if (cli.IsOutputTerminal)
            {
                throw new UsageException("standard output is a terminal: a tar does not belong there")
                {
                    Hint = "redirect it, or give -o FILE",
                };
            }

            using BufferedStream stream = new(cli.OpenStandardOutput(), 1 << 20);
            await exporter.WriteTarAsync(groups, stream, options, cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>What a name means, under that name; an id goes without one.</summary>
    private static ExportGroup Group(Composition composition, string name)
    {
        StoredImage image = composition.GetImage(name);
        ImmutableArray<ImageReference> names = ImageReference.TryParse(name, out ImageReference? reference)
            && reference.Digest is null && composition.Store.References.Find(reference) is not null
            ? [reference]
            : [];
        return new ExportGroup([ExportImage.From(composition.Images, image)], names);
    }
}
