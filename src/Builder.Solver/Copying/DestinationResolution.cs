// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>
/// All that a COPY layer takes from its parent file system: where the destination leads through symbolic links, which
/// directories exist (with what metadata) and which are created, and what the names of <c>--chown</c> mean there.
/// </summary>
internal sealed class DestinationResolution
{
    private DestinationResolution(Digest digest)
    {
        Digest = digest;
    }

    /// <summary>Equal digests: the same selection makes the same layer.</summary>
    public Digest Digest { get; }

    /// <summary>Resolves against the parent; <paramref name="parent"/> is null for <c>--link</c> and scratch.</summary>
    /// <exception cref="SolveException">The destination cannot be: several sources onto a file, an unknown user.</exception>
    public static DestinationResolution Resolve(IFileTree? parent, CopySelection selection) =>
        throw new NotImplementedException();
}
