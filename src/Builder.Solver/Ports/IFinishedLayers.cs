// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Images;

namespace Builder.Solver.Ports;

/// <summary>
/// Told about layers as they are there, made or found, while later steps still run: they may be compressed and sent
/// meanwhile. Returns at once and never throws. Thread-safe.
/// </summary>
public interface IFinishedLayers
{
    /// <summary>A layer is there; it may be named several times.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="isInImage">It is one of the target's own, and not of a stage that it copies from.</param>
    void Add(DiffId layer, bool isInImage);
}
