// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Cli.CommandLine;
using Builder.Executor.Images;
using Builder.Executor.Layers;
using Builder.Frontend.Naming;

namespace Builder.Cli.Building;

/// <summary>Where the result of a build goes.</summary>
internal enum OutputKind
{
    /// <summary>The local store; with <see cref="OutputSpec.Push"/> also a registry.</summary>
    Image,

    /// <summary>An OCI layout, as a tar or a directory.</summary>
    Oci,

    /// <summary>docker's archive.</summary>
    Docker,

    /// <summary>The files, in a directory.</summary>
    Local,

    /// <summary>The files, as a tar.</summary>
    Tar,

    /// <summary>Nowhere: the steps are run and cached, nothing else.</summary>
    CacheOnly,
}

/// <summary>One <c>-o</c>.</summary>
internal sealed record OutputSpec
{
    /// <summary>A destination that means standard output.</summary>
    public const string StandardOutput = "-";

    /// <summary>What is made.</summary>
    public required OutputKind Kind { get; init; }

    /// <summary>No file of a layer that was made is newer than SOURCE_DATE_EPOCH.</summary>
    public bool RewriteTimestamp { get; init; }

    /// <summary>The file or directory; "-" is standard output, null none.</summary>
    public string? Destination { get; init; }

    /// <summary>OCI: a tar and not a directory.</summary>
    public bool Tar { get; init; } = true;

    /// <summary>Names in addition to <c>-t</c>.</summary>
    public ImmutableArray<ImageReference> Names { get; init; } = [];

    /// <summary>Push to the registry that the names say.</summary>
    public bool Push { get; init; }

    /// <summary>Pushed under its digest alone, without a tag.</summary>
    public bool PushByDigest { get; init; }

    /// <summary>How layers are compressed on their way out.</summary>
    public CompressionOptions Compression { get; init; } = CompressionOptions.Default;

    /// <summary>docker's media types instead of OCI's.</summary>
    public bool DockerMediaTypes { get; init; }

    /// <summary>A directory for each platform; null: when there are several.</summary>
    public bool? PlatformSplit { get; init; }

    /// <summary>Annotations in addition to those of <c>--annotation</c>.</summary>
    public ImmutableArray<ImageAnnotation> Annotations { get; init; } = [];

    /// <summary>True when the image goes to the local store.</summary>
    public bool IsStored => Kind == OutputKind.Image;

    /// <summary>Parses <c>type=...,dest=...</c>, or a path alone: a directory, or "-" for a tar.</summary>
    /// <exception cref="UsageException">Malformed, or an option that is not supported.</exception>
    public static OutputSpec Parse(string text)
    {
        if (text.Length == 0)
        {
            throw Invalid(text, "it is empty");
        }

        if (!text.Contains('=', StringComparison.Ordinal))
        {
            return text == StandardOutput
                ? new OutputSpec { Kind = OutputKind.Tar, Destination = text }
                : new OutputSpec { Kind = OutputKind.Local, Destination = text };
        }

        ImmutableArray<KeyValuePair<string, string?>> fields = OptionValues.ParseFields(text);
        string type = fields.FirstOrDefault(field => field.Key == "type").Value
            ?? throw Invalid(text, "type is missing");
        OutputSpec output = type switch
        {
            "image" => new OutputSpec { Kind = OutputKind.Image },
            "registry" => new OutputSpec { Kind = OutputKind.Image, Push = true },
            "oci" => new OutputSpec { Kind = OutputKind.Oci },
            "docker" => new OutputSpec { Kind = OutputKind.Docker },
            "local" => new OutputSpec { Kind = OutputKind.Local },
            "tar" => new OutputSpec { Kind = OutputKind.Tar },
            "cacheonly" => new OutputSpec { Kind = OutputKind.CacheOnly },
            _ => throw Invalid(text, $"unknown type {type}"),
        };
        foreach ((string key, string? value) in fields)
        {
            output = Apply(output, text, key, value ?? "true");
        }

        return output.Complete(text, type);
    }

    private bool IsImage => Kind is OutputKind.Image or OutputKind.Oci or OutputKind.Docker;

    // An image of the local store has no form yet: it gets one when it is pushed.
    private bool HasForm => Kind is OutputKind.Oci or OutputKind.Docker || Push;

    private static OutputSpec Apply(OutputSpec output, string text, string key, string value) => key switch
    {
        "type" => output,
        "dest" when output.Kind != OutputKind.CacheOnly => output with { Destination = value },
        "tar" when output.Kind == OutputKind.Oci => output with { Tar = OptionValues.ParseBool("tar", value) },
        "push" when output.Kind == OutputKind.Image => output with { Push = OptionValues.ParseBool("push", value) },
        "push-by-digest" when output.Kind == OutputKind.Image =>
            output with { PushByDigest = OptionValues.ParseBool(key, value) },
        "name" when output.IsImage => output with { Names = [.. value.Split(',').Select(Composition.ParseTag)] },
        "oci-mediatypes" when output.Kind is OutputKind.Oci or OutputKind.Docker =>
            output with { DockerMediaTypes = !OptionValues.ParseBool(key, value) },
        "oci-mediatypes" when output.IsImage && OptionValues.ParseBool(key, value) => output,
        "store" when output.Kind == OutputKind.Image && OptionValues.ParseBool(key, value) => output,
        "unpack" when output.Kind == OutputKind.Image && !OptionValues.ParseBool(key, value) => output,
        "name-canonical" when output.Kind == OutputKind.Image => output, // a pushed image is known by its digest anyway
        "compression" when output.IsImage && KindOf(value) is { } kind =>
            output with { Compression = output.Compression with { Kind = kind } },
        "compression-level" when output.IsImage
            && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int level) =>
            output with { Compression = output.Compression with { Level = level } },
        "force-compression" when output.IsImage =>
            output with { Compression = output.Compression with { Force = OptionValues.ParseBool(key, value) } },
        "rewrite-timestamp" when output.Kind != OutputKind.CacheOnly =>
            output with { RewriteTimestamp = OptionValues.ParseBool(key, value) },
        "mode" when output.Kind == OutputKind.Local && value == "copy" => output,
        "platform-split" when output.Kind == OutputKind.Local =>
            output with { PlatformSplit = OptionValues.ParseBool(key, value) },
        _ when output.IsImage && AnnotationSpec.ParseField(key, value) is { } annotation =>
            output with { Annotations = output.Annotations.Add(annotation) },
        _ => throw Invalid(text, $"option {key}={value} is not supported for this type"),
    };

    private static Compression? KindOf(string name) => name switch
    {
        "gzip" => Executor.Layers.Compression.Gzip,
        "zstd" => Executor.Layers.Compression.Zstd,
        "uncompressed" => Executor.Layers.Compression.None,
        _ => null,
    };

    private OutputSpec Complete(string text, string type) => (Kind, Destination) switch
    {
        (OutputKind.Image, not null) => throw Invalid(text, $"type {type} takes no dest"),
        _ when Compression != CompressionOptions.Default && !HasForm =>
            throw Invalid(text, "compression counts when the image is pushed or written: add push=true, or use type=oci"),
        _ when PushByDigest && !Push => throw Invalid(text, "push-by-digest needs push=true"),
        _ when PushByDigest && Names.Any(name => name.Tag is not null and not ImageReference.DefaultTag) =>
            throw Invalid(text, "push-by-digest takes a name without a tag"),
        _ when DockerMediaTypes && !Annotations.IsEmpty => throw Invalid(text, "docker's media types have no annotations"),
        (OutputKind.CacheOnly, _) => this,
        (OutputKind.Image, _) => this,
        (OutputKind.Local, null) or (OutputKind.Local, StandardOutput) => throw Invalid(text, "dest must be a directory"),
        (OutputKind.Oci, null) when !Tar => throw Invalid(text, "dest must be a directory"),
        (OutputKind.Docker, null) => this with { Kind = OutputKind.Image },
        (_, null) => this with { Destination = StandardOutput },
        _ => this,
    };

    private static UsageException Invalid(string text, string cause) =>
        new($"output \"{text}\": {cause}")
        {
            Hint = "for instance type=oci,dest=image.tar, type=docker,dest=image.tar, type=local,dest=DIR, type=tar,dest=F, "
                + "type=image,name=NAME,push=true",
        };
}
