// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Layers;

namespace Builder.Executor.Images;

/// <summary>How layers leave the store.</summary>
/// <param name="Kind">None, gzip or zstd.</param>
/// <param name="Level">The compressor's own scale; null for its default here.</param>
/// <param name="Force">Also for layers that were pulled in another form; those keep it otherwise.</param>
public sealed record CompressionOptions(Compression Kind, int? Level = null, bool Force = false)
{
    /// <summary>gzip, what every reader takes.</summary>
    public static CompressionOptions Default { get; } = new(Compression.Gzip);

    /// <summary>As the store has them.</summary>
    public static CompressionOptions AsStored { get; } = new(Compression.None);
}
