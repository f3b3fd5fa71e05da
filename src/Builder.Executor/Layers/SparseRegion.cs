// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Layers;

/// <summary>Where a piece of a sparse file's stored data belongs.</summary>
internal readonly record struct SparseRegion(long Offset, long Length);
