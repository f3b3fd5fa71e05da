// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Ports;
using Builder.Solver.Progress;

namespace Builder.Solver.Lowering;

/// <summary>
/// Resolves images and named contexts, each image of a platform once in a build however often it is named. Thread-safe.
/// </summary>
internal sealed class ImageResolver
{
    private const string ScratchName = "scratch";
    private const string ContextName = "context";

    private readonly BuildPorts _ports;
    private readonly PullPolicy _pull;
    private readonly ProgressReporter _progress;
    private readonly Dictionary<(ImageSpec, Platform), Task<ResolvedImage>> _images = [];
    private readonly bool _showPlatform;

    /// <summary>Creates a resolver for one build.</summary>
    public ImageResolver(BuildPorts ports, PullPolicy pull, ProgressReporter progress, bool showPlatform)
    {
        _ports = ports;
        _pull = pull;
        _progress = progress;
        _showPlatform = showPlatform;
    }

    /// <summary>What a name means that is no stage's: a named context, <c>scratch</c>, or an image.</summary>
    public async Task<FileSource> ResolveAsync(
        string name, Platform platform, Dockerfile dockerfile, SourceSpan span, CancellationToken cancellationToken)
    {
        if (name == ScratchName)
        {
            return new ScratchSource();
        }

        try
        {
            if (await FindNamedContextAsync(name, platform, cancellationToken) is { } context)
            {
                return context;
            }

            if (!ImageReference.TryParse(name, out ImageReference? reference))
            {
                throw InvalidName(name, dockerfile);
            }

            if (await FindNamedContextAsync(ContextNameOf(reference), platform, cancellationToken) is { } image)
            {
                return image;
            }

            return await LoadAsync(new NamedImage(reference), platform, cancellationToken);
        }
        catch (BuildException failure) when (Locate(failure, dockerfile, span))
        {
            throw;
        }
    }

    /// <summary>The named context of a name, or null.</summary>
    public async Task<FileSource?> FindNamedContextAsync(
        string name, Platform platform, CancellationToken cancellationToken)
    {
        if (name.Equals(ScratchName, StringComparison.OrdinalIgnoreCase)
            || name.Equals(ContextName, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (_ports.Contexts.FindImage(name) is { } image)
        {
            return image is NamedImage { Reference: { Registry: "docker.io", Repository: "library/scratch" } }
                ? new ScratchSource()
                : await LoadAsync(image, platform, cancellationToken);
        }

        return await _ports.Contexts.OpenAsync(name, cancellationToken) is null ? null : new NamedContextSource(name);
    }

    private static bool Locate(BuildException failure, Dockerfile dockerfile, SourceSpan span)
    {
        failure.Locate(dockerfile.Source, span);
        return false;
    }

    /// <summary>The name by which <c>--build-context</c> replaces an image: without docker's defaults.</summary>
    private static string ContextNameOf(ImageReference reference)
    {
        string tag = reference.Tag is null or "latest" ? "" : ":" + reference.Tag;
        return reference.FamiliarName + tag + (reference.Digest is { } digest ? "@" + digest : "");
    }

    private static SolveException InvalidName(string name, Dockerfile dockerfile)
    {
        string reason = "";
        try
        {
            ImageReference.Parse(name);
        }
        catch (FormatException failure)
        {
            reason = ": " + failure.Message;
        }

        return new SolveException($"resolve image \"{name}\"{reason}")
        {
            Hint = Suggestion.For(name, dockerfile.Stages.Select(stage => stage.Name).OfType<string>()),
        };
    }

    private async Task<ImageFileSource> LoadAsync(
        ImageSpec image, Platform platform, CancellationToken cancellationToken)
    {
        Task<ResolvedImage>? task;
        lock (_images)
        {
            if (!_images.TryGetValue((image, platform), out task))
            {
                task = LoadMetadataAsync(image, platform, cancellationToken);
                _images.Add((image, platform), task);
            }
        }

        return new ImageFileSource(image.ToString() ?? "", await task);
    }

    private async Task<ResolvedImage> LoadMetadataAsync(
        ImageSpec image, Platform platform, CancellationToken cancellationToken)
    {
        string prefix = _showPlatform ? $"[{platform} internal]" : "[internal]";
        using ProgressStep step = _progress.Start($"{prefix} load metadata for {image}", null);
        try
        {
            ResolvedImage resolved = await _ports.Images.ResolveAsync(image, platform, _pull, cancellationToken);
            step.Complete(cached: false);
            return resolved;
        }
        catch (Exception failure) when (step.Note(failure))
        {
            throw;
        }
    }
}
