// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Solver.Copying;

/// <summary>A COPY or ADD with every variable expanded; it names its sources but does not hold their trees.</summary>
internal sealed record CopyRequest
{
    /// <summary>The sources as written, expanded: paths, patterns, for ADD also URLs. Here-documents are apart.</summary>
    public required ImmutableArray<string> Sources { get; init; }

    /// <summary>The destination as written, expanded: absolute or below <see cref="WorkingDirectory"/>; a trailing '/'
    /// is kept because it says "a directory".</summary>
    public required string Destination { get; init; }

    /// <summary>WORKDIR at this point, absolute.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary><c>--chown</c> expanded (names are looked up in the destination's file system), or null.</summary>
    public string? Owner { get; init; }

    /// <summary><c>--chmod</c> expanded: octal or symbolic, or null.</summary>
    public string? Mode { get; init; }

    /// <summary><c>--link</c>: the layer does not look at its parent.</summary>
    public bool Link { get; init; }

    /// <summary><c>--parents</c>.</summary>
    public bool Parents { get; init; }

    /// <summary><c>--exclude</c> patterns in order, expanded.</summary>
    public ImmutableArray<string> Exclude { get; init; } = [];

    /// <summary>Files given in the Dockerfile; they come after <see cref="Sources"/>.</summary>
    public ImmutableArray<CopyHeredoc> Heredocs { get; init; } = [];

    /// <summary>ADD and not COPY.</summary>
    public bool IsAdd { get; init; }

    /// <summary><c>--unpack</c>; null: ADD unpacks local archives and no remote ones.</summary>
    public bool? Unpack { get; init; }

    /// <summary>True unless <c>--link</c> lets the layer be made before its parent; names of <c>--chown</c> need it all the
    /// same.</summary>
    public bool NeedsParent => !Link || (Owner is { } owner && FileOwner.HasNames(owner));

    /// <summary>SOURCE_DATE_EPOCH in seconds: the time of directories that are created; null when not set.</summary>
    public long? Epoch { get; init; }
}

/// <summary>A here-document as a file: its name (the heredoc word) and its bytes.</summary>
internal sealed record CopyHeredoc(string Name, ImmutableArray<byte> Content);
