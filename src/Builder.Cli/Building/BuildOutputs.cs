// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Cli.Commands;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Steps;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Files;

namespace Builder.Cli.Building;

/// <summary>What came of a build.</summary>
/// <param name="Id">The image id: the digest of the (first) config.</param>
/// <param name="Target">The manifest or index; null when only files were written.</param>
/// <param name="Names">The names given.</param>
internal sealed record BuildOutcome(Digest Id, Descriptor? Target, ImmutableArray<ImageReference> Names);

/// <summary>Brings the result of a build to where the command line wants it.</summary>
internal sealed class BuildOutputs(Composition composition, StepExecutor executor, StepCaches caches)
{
    /// <summary>
    /// What can be done for the outputs and caches with each layer once it is there; null when there is nothing.
    /// </summary>
    public LayersAhead? BeginAhead(
        ImmutableArray<OutputSpec> outputs, ImmutableArray<ImageReference> tags, CancellationToken cancellationToken)
    {
        ImagePusher pusher = new(composition.Store, composition.Registries, composition.ImageSource);
        IEnumerable<LayerCarrier> pushes = outputs.Where(output => output is { Push: true, RewriteTimestamp: false })
            .SelectMany(output => tags.Concat(output.Names).Select(name => (Name: name, output.Compression)))
            .DistinctBy(push => (push.Name.Registry, push.Name.Repository, push.Compression))
            .Select(push => pusher.Carrier(push.Name, new PushOptions { Compression = push.Compression }));
        LayerCarrier[] carriers = [.. caches.Carriers(), .. pushes];
        return carriers.Length == 0 ? null : new LayersAhead(carriers, cancellationToken);
    }

    /// <summary>Writes every output, in the order given.</summary>
    public async Task<BuildOutcome> WriteAsync(
        BuildResult result,
        ImmutableArray<OutputSpec> outputs,
        ImmutableArray<ImageReference> tags,
        ImmutableArray<ImageAnnotation> annotations,
        bool quiet,
        CancellationToken cancellationToken)
    {
        Digest? id = null;
        Descriptor? target = null;
        ImmutableArray<ImageReference> allNames = [.. tags.Concat(outputs.SelectMany(output => output.Names)).Distinct()];
        foreach (OutputSpec output in outputs)
        {
            ImmutableArray<ImageReference> names = [.. tags.Concat(output.Names).Distinct()];
            BuildResult made = output.RewriteTimestamp ? await RewriteAsync(result, cancellationToken) : result;
            ImageAnnotations all = Annotations(made, output, annotations);
            id ??= IdOf(made);
            target = output.Kind switch
            {
                OutputKind.CacheOnly => null,
                OutputKind.Image => await StoreAsync(made, output, names, all, quiet, cancellationToken),
                OutputKind.Oci or OutputKind.Docker => await ExportAsync(made, output, names, all, cancellationToken),
                _ => await WriteFilesAsync(made, output, cancellationToken),
            } ?? target;
        }

        return new BuildOutcome(id ?? IdOf(result), target, allNames);
    }

    private static Digest IdOf(BuildResult result) => Digest.FromHash(
        System.Security.Cryptography.SHA256.HashData(ExportImage.From(result.Images[0]).Config.AsSpan()));

    private async Task<BuildResult> RewriteAsync(BuildResult result, CancellationToken cancellationToken)
    {
        TimestampRewriter rewriter = new(composition.Store, composition.ImageSource.Layers, caches.Cache);
        ImmutableArray<PlatformImage>.Builder images = ImmutableArray.CreateBuilder<PlatformImage>();
        foreach (PlatformImage image in result.Images)
        {
            images.Add(await rewriter.RewriteAsync(image, cancellationToken));
        }

        return result with { Images = images.ToImmutable() };
    }

    private static ImageAnnotations Annotations(
        BuildResult result, OutputSpec output, ImmutableArray<ImageAnnotation> annotations)
    {
        ImageAnnotations all = new([.. annotations, .. output.Annotations]);
        bool hasIndex = result.Images.Length > 1;
        ImageAnnotation? lost = hasIndex ? null : all.All.FirstOrDefault(a => a.Level != AnnotationLevel.Manifest);
        return lost is not null
            ? throw new UsageException($"annotation {lost.Key}: the result is one image, without an index to write it on")
            {
                Hint = "use manifest:, or build for several platforms",
            }
            : output.DockerMediaTypes && !all.All.IsEmpty
                ? throw new UsageException("docker's media types have no annotations") { Hint = "leave out oci-mediatypes=false" }
                : all;
    }

    private async Task<Descriptor?> StoreAsync(
        BuildResult result, OutputSpec output, ImmutableArray<ImageReference> names, ImageAnnotations annotations, bool quiet,
        CancellationToken cancellationToken)
    {
        if (output.Push && names.IsEmpty)
        {
            throw new UsageException("push the image: it has no name") { Hint = "name it by -t" };
        }

        // What only a registry has need not come here to be pushed there.
        CommittedImage committed = await composition.Images.CommitAsync(
            result.Images, output.PushByDigest ? [] : names, composition.ImageSource.Layers, fetchesLayers: !output.Push,
            annotations, cancellationToken);
        Descriptor target = committed.Target;
        foreach (ImageReference name in output.Push ? names : [])
        {
            PushOptions options = new()
            {
                Annotations = caches.InlineAnnotations(result),
                Compression = output.Compression,
                ByDigest = output.PushByDigest,
            };
            target = (await PushCommand.PushAsync(composition, name, committed.Target, options, quiet, cancellationToken))
                .Manifest;
        }

        return target;
    }

    private async Task<Descriptor?> ExportAsync(
        BuildResult result, OutputSpec output, ImmutableArray<ImageReference> names, ImageAnnotations annotations,
        CancellationToken cancellationToken)
    {
        ExportGroup group = new([.. result.Images.Select(ExportImage.From)], names);
        ImageExporter exporter = new(composition.Store, composition.ImageSource.Layers);
        ExportOptions options = new()
        {
            DockerArchive = output.Kind == OutputKind.Docker,
            Compression = output.Compression,
            DockerMediaTypes = output.DockerMediaTypes,
            Annotations = annotations,
        };
        ImmutableArray<ExportedImage> exported;
        if (output.Destination == OutputSpec.StandardOutput)
        {
            using Stream stream = OpenTarOutput();
            exported = await exporter.WriteTarAsync([group], stream, options, cancellationToken);
        }
        else if (output.Tar)
        {
            exported = await exporter.WriteTarAsync([group], output.Destination!, options, cancellationToken);
        }
        else
        {
            exported = await exporter.WriteDirectoryAsync([group], output.Destination!, options, cancellationToken);
        }

        return exported[0].Target;
    }

    private async Task<Descriptor?> WriteFilesAsync(BuildResult result, OutputSpec output, CancellationToken cancellationToken)
    {
        bool isSplit = output.PlatformSplit ?? result.Images.Length > 1;
        if (result.Images.Length > 1 && output.Kind == OutputKind.Tar)
        {
            throw new UsageException("type=tar takes one platform only") { Hint = "use type=local: a directory for each platform" };
        }

        foreach (PlatformImage image in result.Images)
        {
            IFileTree tree = await executor.OpenTreeAsync(image.Config.RootFs, cancellationToken);
            if (output.Kind == OutputKind.Tar)
            {
                WriteTar(tree, output.Destination!, cancellationToken);
                continue;
            }

            string directory = isSplit
                ? Path.Combine(output.Destination!, image.Platform.ToString().Replace('/', '_'))
                : output.Destination!;
            foreach (string skipped in FileSystemExporter.WriteDirectory(tree, directory, cancellationToken))
            {
                composition.Cli.Error.WriteLine($"warning: {skipped} is a device and was left out: making it takes root");
            }
        }

        return null;
    }

    private void WriteTar(IFileTree tree, string destination, CancellationToken cancellationToken)
    {
        if (destination == OutputSpec.StandardOutput)
        {
            using Stream stream = OpenTarOutput();
            FileSystemExporter.WriteTar(tree, stream, cancellationToken);
            return;
        }

        string draft = $"{destination}.{Environment.ProcessId}.partial";
        try
        {
            using (FileStream file = new(draft, FileMode.Create, FileAccess.Write))
            {
                FileSystemExporter.WriteTar(tree, file, cancellationToken);
            }

            File.Move(draft, destination, overwrite: true);
        }
        finally
        {
            File.Delete(draft);
        }
    }

    private BufferedStream OpenTarOutput() => !composition.Cli.IsOutputTerminal
        ? new BufferedStream(composition.Cli.OpenStandardOutput(), 1 << 20)
        : throw new UsageException("standard output is a terminal: a tar does not belong there") { Hint = "redirect it, or give dest=FILE" };
}
