// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>Memory that one or more threads share, and the places in it that the tracer may write to.</summary>
internal sealed class AddressSpace
{
    /// <summary>The size of a place.</summary>
    public const int PlaceBytes = 8192;

    /// <summary>How many places are made at once.</summary>
    public const int PlacesAtOnce = 8;

    /// <summary>Free places of <see cref="PlaceBytes"/>.</summary>
    public Stack<ulong> Places { get; } = [];

    /// <summary>A place for more than that, or null.</summary>
    public (ulong Address, int Bytes)? LargePlace { get; set; }

    /// <summary>How many threads share it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>A copy, as fork(2) makes it.</summary>
    public AddressSpace Fork()
    {
        var copy = new AddressSpace { LargePlace = LargePlace };
        foreach (ulong place in Places.Reverse())
        {
            copy.Places.Push(place);
        }

        return copy;
    }
}
