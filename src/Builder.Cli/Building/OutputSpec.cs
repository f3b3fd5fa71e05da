// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Cli.CommandLine;
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

    /// <summary>True when the image goes to the local store.</summary>
    public bool IsStored => Kind == OutputKind.Image;

    /// <summary>Parses <c>type=...,dest=...</c>, or a path alone: a directory, or "-" for a tar.</summary>
    /// <exception cref="UsageException">Malformed, or an option that is not supported.</exception>
    public static OutputSpec Parse(string text)
    {
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
            "cacheonly" => throw Invalid(text, "type cacheonly is not supported"),
            _ => throw Invalid(text, $"unknown type {type}"),
        };
        foreach ((string key, string? value) in fields)
        {
            output = Apply(output, text, key, value ?? "true");
        }

        return output.Complete(text, type);
    }

    private static OutputSpec Apply(OutputSpec output, string text, string key, string value) => key switch
    {
        "type" => output,
        "dest" => output with { Destination = value },
        "tar" when output.Kind == OutputKind.Oci => output with { Tar = OptionValues.ParseBool("tar", value) },
        "push" when output.Kind == OutputKind.Image => output with { Push = OptionValues.ParseBool("push", value) },
        "name" when output.Kind is OutputKind.Image or OutputKind.Oci or OutputKind.Docker =>
            output with { Names = [.. value.Split(',').Select(Composition.ParseTag)] },
        "oci-mediatypes" when OptionValues.ParseBool(key, value) => output,
        "store" when output.Kind == OutputKind.Image && OptionValues.ParseBool(key, value) => output,
        "unpack" when output.Kind == OutputKind.Image && !OptionValues.ParseBool(key, value) => output,
        "compression" when value == "gzip" => output,
        "rewrite-timestamp" => output with { RewriteTimestamp = OptionValues.ParseBool(key, value) },
        _ => throw Invalid(text, $"option {key}={value} is not supported for this type"),
    };

    private OutputSpec Complete(string text, string type) => (Kind, Destination) switch
    {
        (OutputKind.Image, not null) => throw Invalid(text, $"type {type} takes no dest"),
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
