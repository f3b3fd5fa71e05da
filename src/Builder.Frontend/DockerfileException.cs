// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend;

/// <summary>A Dockerfile that cannot be built; holds every error found, at least one.</summary>
public sealed class DockerfileException : BuildException
{
    /// <summary>Creates the failure from the errors found in <paramref name="source"/>.</summary>
    public DockerfileException(SourceText source, ImmutableArray<Diagnostic> diagnostics)
        : base(diagnostics[0].Message)
    {
        Dockerfile = source;
        Location = diagnostics[0].Span;
        Hint = diagnostics[0].Hint;
        Diagnostics = diagnostics;
    }

    /// <summary>All errors, in the order of the text.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; }
}
