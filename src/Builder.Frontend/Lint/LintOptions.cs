// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint;

/// <summary>What a check may know besides the text. Nothing is required: a rule that lacks its knowledge is silent.</summary>
public sealed record LintOptions
{
    /// <summary>The build arg that takes the place of the <c>check</c> directive.</summary>
    public const string CheckBuildArg = "BUILDKIT_DOCKERFILE_CHECK";

    /// <summary>Values of <c>--build-arg</c>.</summary>
    public ImmutableDictionary<string, string> BuildArgs { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The stage to build; with one, only it and the stages it needs are checked in depth. Null: all.</summary>
    public string? Target { get; init; }

    /// <summary>Where the build runs.</summary>
    public Platform BuildPlatform { get; init; } = LinuxAmd64;

    /// <summary>What the build is for.</summary>
    public Platform TargetPlatform { get; init; } = LinuxAmd64;

    /// <summary>The ignore file of the build context, for CopyIgnoredFile.</summary>
    public IgnoreMatcher Ignore { get; init; } = IgnoreMatcher.None;

    /// <summary>
    /// Tells what is known of a base image (its expanded name and the platform asked for), or null. Without it,
    /// variables that a base image might set are not reported as undefined.
    /// </summary>
    public Func<string, Platform, LintBaseImage?>? FindBaseImage { get; init; }

    private static Platform LinuxAmd64 => new() { Os = "linux", Architecture = "amd64" };
}

/// <summary>What rules want to know of a base image.</summary>
public sealed record LintBaseImage
{
    /// <summary>Its Env, as names and values.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>The platform of the image that was found.</summary>
    public Platform? Platform { get; init; }

    /// <summary>True when its config has a Shell.</summary>
    public bool HasShell { get; init; }
}
