// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Operations;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>
/// What a layer that is being written shares with an earlier one: the keys of its files, and hard links for those that
/// the earlier one has. Thread-safe for different entries.
/// </summary>
internal sealed class LayerSharing(LayerPlan plan, EarlierLayer? earlier) : IDisposable
{
    private readonly UInt128[] _keys = new UInt128[plan.Entries.Length];
    private readonly bool[] _hasKey = new bool[plan.Entries.Length];

    /// <summary>The keys of the files that were asked for.</summary>
    public IEnumerable<UInt128> Keys => _keys.Where((_, entry) => _hasKey[entry]);

    /// <summary>Makes a hard link to the same file of the earlier layer and opens it; null when there is none.</summary>
    /// <param name="entry">Index of the plan's entry.</param>
    /// <param name="directory">Where the link goes.</param>
    /// <param name="path">The entry's path, below both layers.</param>
    public SafeFileHandle? TryLink(int entry, int directory, byte[] path)
    {
        if (CopiedFiles.KeyOf(plan.Entries[entry]) is not { } key)
        {
            return null;
        }

        _keys[entry] = key;
        _hasKey[entry] = true;
        return earlier?.TryLink(key, plan.Entries[entry].Node.Size, directory, path);
    }

    /// <inheritdoc/>
    public void Dispose() => earlier?.Dispose();
}
