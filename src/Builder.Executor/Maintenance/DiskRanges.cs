// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Maintenance;

/// <summary>Ranges of one disk that were counted. Not thread-safe.</summary>
internal sealed class DiskRanges
{
    // Disjoint; ordered by their starts.
    private readonly SortedSet<(ulong Start, ulong End)> _ranges = [];

    /// <summary>Adds a range; gives how much of it was there before.</summary>
    public ulong Add(ulong start, ulong length)
    {
        ulong end = start + length;
        ulong known = 0;
        (ulong Start, ulong End) merged = (start, end);
        List<(ulong Start, ulong End)> touched = [.. _ranges.GetViewBetween((start, 0), (end, ulong.MaxValue))];
        if (start > 0 && _ranges.GetViewBetween((0, 0), (start - 1, ulong.MaxValue)) is { Count: > 0 } before && before.Max.End >= start)
        {
            touched.Add(before.Max);
        }

        foreach ((ulong Start, ulong End) range in touched)
        {
            ulong from = Math.Max(range.Start, start);
            ulong to = Math.Min(range.End, end);
            known += to > from ? to - from : 0;
            merged = (Math.Min(merged.Start, range.Start), Math.Max(merged.End, range.End));
            _ranges.Remove(range);
        }

        _ranges.Add(merged);
        return known;
    }
}
