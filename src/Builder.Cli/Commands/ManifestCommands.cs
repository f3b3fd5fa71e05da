// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using Builder.Cli.CommandLine;
using Builder.Cli.Progress;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Commands;

/// <summary><c>bld manifest</c>: indexes in registries, from images that were pushed one by one.</summary>
internal static class ManifestCommands
{
    /// <summary>Makes <c>manifest create</c>.</summary>
    public static Command CreateCreate(CliContext cli, GlobalOptions global)
    {
        Argument<string> target = OptionFactory.Operand("TARGET", "The name that the index gets in its registry");
        Argument<string[]> sources = OptionFactory.Operands(
            "SOURCE", "Images and indexes in registries; of two for one platform the later one stays");
        Option<string[]> annotation = OptionFactory.List("--annotation", "NAME=VALUE", "Annotate the index");
        Option<bool> quiet = OptionFactory.Flag("--quiet", "Show only the digest", "-q");
        RegistryFlags registry = new();
        Command command = new("create", "Make one index of images for several platforms, in the registry")
        {
            target, sources, annotation, quiet,
        };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, registry);
            ImageReference name = Composition.ParseTag(parsed.GetRequiredValue(target));
            ImmutableArray<ImageReference> images = [.. parsed.GetRequiredValue(sources).Select(Composition.ParseName)];
            bool isQuiet = parsed.GetValue(quiet);
            PushedImage pushed;
            using (TransferDisplay display = new(cli, isQuiet))
            {
                PushOptions options = new()
                {
                    Progress = display.Observe,
                    Annotations = ReadAnnotations(parsed.GetValue(annotation) ?? []),
                };
                IndexAssembler assembler = new(composition.Store, composition.Registries, composition.ImageSource);
                pushed = await assembler.PushAsync(name, images, options, cancellationToken);
            }

            cli.Out.WriteLine(isQuiet
                ? pushed.Manifest.Digest.ToString()
                : $"{name.Tag}: digest: {pushed.Manifest.Digest} size: {pushed.Manifest.Size}");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>manifest inspect</c>.</summary>
    public static Command CreateInspect(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("NAME[:TAG|@DIGEST]", "The image or index");
        RegistryFlags registry = new();
        Command command = new("inspect", "Show a manifest or index as its registry has it") { name };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, registry);
            IndexAssembler assembler = new(composition.Store, composition.Registries, composition.ImageSource);
            (_, ReadOnlyMemory<byte> content) = await assembler.InspectAsync(
                Composition.ParseName(parsed.GetRequiredValue(name)), cancellationToken);
            cli.Out.WriteLine(Encoding.UTF8.GetString(content.Span).TrimEnd('\n'));
            return ExitCode.Success;
        });
        return command;
    }

    private static ImmutableSortedDictionary<string, string> ReadAnnotations(string[] texts)
    {
        ImmutableSortedDictionary<string, string>.Builder annotations =
            ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new UsageException($"--annotation \"{text}\": expected NAME=VALUE");
            }

            annotations[text[..equals]] = text[(equals + 1)..];
        }

        return annotations.ToImmutable();
    }
}
