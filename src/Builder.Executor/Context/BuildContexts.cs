// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Ports;

namespace Builder.Executor.Context;

/// <summary>The sources of one build: the text of its Dockerfile, the main context and the named ones. Thread-safe.</summary>
public sealed class BuildContexts : IContextSource, IDisposable
{
    private const string ImageScheme = "docker-image://";
    private const string LayoutScheme = "oci-layout://";

    private readonly IFileTree _main;
    private readonly ContextReader _reader;
    private readonly Dictionary<string, string> _named = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<Task<IFileTree>>> _open = new(StringComparer.Ordinal);

    internal BuildContexts(
        SourceText dockerfile, string? dockerfileInContext, IFileTree main, ContextReader reader, ContextOptions options)
    {
        Dockerfile = dockerfile;
        DockerfileInContext = dockerfileInContext;
        _main = main;
        _reader = reader;
        foreach ((string name, string value) in options.NamedContexts)
        {
            _named[name] = value;
        }
    }

    /// <summary>The text of the Dockerfile.</summary>
    public SourceText Dockerfile { get; }

    /// <summary>The Dockerfile's path in the main context; null when it came from elsewhere.</summary>
    public string? DockerfileInContext { get; }

    /// <summary>The patterns by which the main context leaves files out; for lint.</summary>
    public required IgnoreMatcher Ignore { get; init; }

    /// <inheritdoc/>
    public Task<IFileTree?> OpenAsync(string? name, CancellationToken cancellationToken) => name is null
        ? Task.FromResult<IFileTree?>(_main)
        : OpenNamedAsync(name, cancellationToken);

    /// <inheritdoc/>
    public ImageSpec? FindImage(string name)
    {
        if (Value(name) is not { } value)
        {
            return null;
        }

        if (value.StartsWith(ImageScheme, StringComparison.Ordinal))
        {
            string text = value[ImageScheme.Length..];
            return ImageReference.TryParse(text, out ImageReference? reference)
                ? new NamedImage(reference)
                : throw Malformed(name, value, "that is no image name");
        }

        return value.StartsWith(LayoutScheme, StringComparison.Ordinal)
            ? ParseLayout(name, value, value[LayoutScheme.Length..])
            : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private static ContextException Malformed(string name, string value, string cause) =>
        new(ContextFailure.Invalid, $"read build context {name}={value}: {cause}");

    /// <summary>oci-layout://DIRECTORY[:TAG][@DIGEST].</summary>
    private static LayoutImage ParseLayout(string name, string value, string text)
    {
        Digest? digest = null;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            digest = Digest.TryParse(text[(at + 1)..], out Digest parsed)
                ? parsed
                : throw Malformed(name, value, "the text after '@' is no digest");
            text = text[..at];
        }

        int colon = text.LastIndexOf(':');
        bool hasTag = colon > text.LastIndexOf('/');
        return new LayoutImage(
            Path.GetFullPath(hasTag ? text[..colon] : text), hasTag ? text[(colon + 1)..] : null, digest);
    }

    private async Task<IFileTree?> OpenNamedAsync(string name, CancellationToken cancellationToken)
    {
        if (Value(name) is not { } value || FindImage(name) is not null)
        {
            return null;
        }

        return await _open.GetOrAdd(
            value, key => new(() => _reader.OpenNamedAsync(name, key, cancellationToken))).Value;
    }

    /// <summary>A context by its name as written, or by what the name means as that of an image.</summary>
    private string? Value(string name)
    {
        if (_named.TryGetValue(name, out string? value))
        {
            return value;
        }

        if (!ImageReference.TryParse(name, out ImageReference? wanted))
        {
            return null;
        }

        string normalized = wanted.ToString();
        foreach ((string key, string candidate) in _named)
        {
            if (ImageReference.TryParse(key, out ImageReference? reference) && reference.ToString() == normalized)
            {
                return candidate;
            }
        }

        return null;
    }
}
