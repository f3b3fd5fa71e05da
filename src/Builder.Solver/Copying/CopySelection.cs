// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Ports;

namespace Builder.Solver.Copying;

/// <summary>The files that a <see cref="CopyRequest"/> takes from its sources.</summary>
internal sealed class CopySelection
{
    private CopySelection(CopyRequest request, ImmutableArray<CopySource> sources)
    {
        Request = request;
        Sources = sources;
    }

    /// <summary>What was asked.</summary>
    public CopyRequest Request { get; }

    /// <summary>The sources in order.</summary>
    public ImmutableArray<CopySource> Sources { get; }

    /// <summary>Matches every source. Sources stand in the order of <see cref="CopyRequest.Sources"/>.</summary>
    /// <exception cref="SolveException">A source is missing, or a pattern is malformed.</exception>
    public static CopySelection Select(ImmutableArray<CopySource> sources, CopyRequest request) => new(request, sources);

    /// <summary>
    /// This selection with the archives that ADD unpacks replaced by their content; itself when there are none.
    /// Called after the digest missed, before the destination is resolved.
    /// </summary>
    public Task<CopySelection> UnpackAsync(IRemoteSource remotes, CancellationToken cancellationToken) =>
        throw new NotImplementedException();
}
