// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;

namespace Builder.Solver.Images;

/// <summary>The digest of a layer's uncompressed tar. Source: image-spec, config.md "Layer DiffID".</summary>
public readonly record struct DiffId(Digest Value)
{
    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
