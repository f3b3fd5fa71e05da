// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>
/// A pattern whose wildcards stay inside their segments and whose <c>**</c> are whole segments. A null segment stands
/// for <c>**</c>: any number of directories in the middle, one segment or more at the end.
/// </summary>
internal sealed class SegmentedPath : PathMatcher
{
    private const int MaxTrackedSegments = 63;

    private readonly NamePattern?[] _segments;
    private readonly int _firstDeep;
    private readonly int _deepCount;

    public SegmentedPath(NamePattern?[] segments)
    {
        _segments = segments;
        _firstDeep = Array.IndexOf(segments, null);
        _deepCount = segments.Count(segment => segment is null);
    }

    public override bool IsMatch(ReadOnlySpan<char> path) => _deepCount switch
    {
        0 => MatchHead(ref path, _segments.Length) && path.IsEmpty,
        1 => MatchAroundDeep(path),
        _ => MatchGreedily(path),
    };

    public override bool MayMatchBelow(ReadOnlySpan<char> directory)
    {
        if (_segments.Length > MaxTrackedSegments)
        {
            return true;
        }

        // Bit i: segment i is the next one to be matched.
        ulong open = Skip(1);
        foreach (Range range in directory.Split('/'))
        {
            ulong next = 0;
            for (int i = 0; i < _segments.Length; i++)
            {
                if ((open & (1UL << i)) == 0)
                {
                    continue;
                }

                if (_segments[i] is not { } name)
                {
                    next |= 1UL << i;
                }
                else if (name.IsMatch(directory[range]))
                {
                    next |= 1UL << (i + 1);
                }
            }

            open = Skip(next);
        }

        return (open & ((1UL << _segments.Length) - 1)) != 0;
    }

    /// <summary>Adds what is reached when a <c>**</c> matches nothing; the last one matches something.</summary>
    private ulong Skip(ulong open)
    {
        for (int i = 0; i < _segments.Length - 1; i++)
        {
            if (_segments[i] is null && (open & (1UL << i)) != 0)
            {
                open |= 1UL << (i + 1);
            }
        }

        return open;
    }

    /// <summary>
    /// Matches the first segments and takes them off the path together with their '/'. An empty rest means that the
    /// path had exactly so many; a path that ends with '/' has an empty last segment.
    /// </summary>
    private bool MatchHead(ref ReadOnlySpan<char> path, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int end = path.IndexOf('/');
            bool isLast = i == _segments.Length - 1;
            if (end < 0 != isLast)
            {
                return false;
            }

            if (!_segments[i]!.IsMatch(end < 0 ? path : path[..end]))
            {
                return false;
            }

            path = end < 0 ? [] : path[(end + 1)..];
        }

        return true;
    }

    private bool MatchAroundDeep(ReadOnlySpan<char> path)
    {
        if (!MatchHead(ref path, _firstDeep))
        {
            return false;
        }

        for (int i = _segments.Length - 1; i > _firstDeep; i--)
        {
            int start = path.LastIndexOf('/');
            if (!_segments[i]!.IsMatch(path[(start + 1)..]))
            {
                return false;
            }

            if (start < 0)
            {
                return i == _firstDeep + 1;
            }

            path = path[..start];
        }

        return true;
    }

    /// <summary>Several <c>**</c>: only the last one met is ever taken back, as with the stars of a name.</summary>
    private bool MatchGreedily(ReadOnlySpan<char> path)
    {
        // position is the start of the next segment of the path, or path.Length + 1 behind the last.
        int position = 0, segment = 0, deepSegment = -1, deepPosition = 0;
        while (position <= path.Length)
        {
            if (segment < _segments.Length && _segments[segment] is null)
            {
                if (segment == _segments.Length - 1)
                {
                    return true;
                }

                deepSegment = segment++;
                deepPosition = position;
                continue;
            }

            int end = EndOfSegment(path, position);
            if (segment < _segments.Length && _segments[segment]!.IsMatch(path[position..end]))
            {
                segment++;
                position = end + 1;
            }
            else if (deepSegment >= 0)
            {
                deepPosition = EndOfSegment(path, deepPosition) + 1;
                position = deepPosition;
                segment = deepSegment + 1;
            }
            else
            {
                return false;
            }
        }

        return segment == _segments.Length;
    }

    private static int EndOfSegment(ReadOnlySpan<char> path, int start)
    {
        int length = path[start..].IndexOf('/');
        return length < 0 ? path.Length : start + length;
    }
}
