// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Solver.Images;

namespace Builder.Executor.Layers;

/// <summary>
/// A sink that hashes and counts a layer's tar, and passes it on when there is somewhere to pass it to. Not thread-safe.
/// </summary>
internal sealed class LayerDigester(Stream? next = null) : HashingWriteStream
{
    /// <summary>The digest of what was written; starts anew.</summary>
    public DiffId Finish() => new(FinishHash());

    /// <inheritdoc/>
    protected override void Pass(ReadOnlySpan<byte> buffer) => next?.Write(buffer);
}
