// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Memory that one or more threads share, and the places in it that the tracer may write to. The small places lie at one
/// fixed range, the lowest that a process can have, which is read-only to the process and cannot be changed by it
/// (<see cref="ArgumentPlaces"/>).
/// </summary>
internal sealed class AddressSpace
{
    /// <summary>Where the small places begin. Source: the default of vm.mmap_min_addr.</summary>
    public const ulong PlacesStart = 0x10000;

    /// <summary>Where they end.</summary>
    public const ulong PlacesEnd = PlacesStart + PlaceCount * PlaceBytes;

    /// <summary>The size of a place: a path of bld's, or a struct msghdr with an address.</summary>
    public const int PlaceBytes = 512;

    private const int PlaceCount = 1024;

    private readonly Stack<ulong> _free = [];
    private ulong _next = PlacesEnd;

    /// <summary>The small places have been mapped.</summary>
    public bool HasPlaces { get; private set; }

    /// <summary>A place for more than that, or null. The process can write to it.</summary>
    public (ulong Address, int Bytes)? LargePlace { get; set; }

    /// <summary>How many threads share it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>A free place, until it is given back.</summary>
    public bool TryTake(out ulong place)
    {
        if (_free.TryPop(out place))
        {
            return true;
        }

        place = _next;
        _next = Math.Min(_next + PlaceBytes, PlacesEnd);
        return place < PlacesEnd;
    }

    /// <summary>Gives a place back.</summary>
    public void GiveBack(ulong place) => _free.Push(place);

    /// <summary>Says that the range of small places is mapped now.</summary>
    public void AddPlaces()
    {
        HasPlaces = true;
        _next = PlacesStart;
    }

    /// <summary>A copy, as fork(2) makes it.</summary>
    public AddressSpace Fork()
    {
        var copy = new AddressSpace { LargePlace = LargePlace };
        if (HasPlaces)
        {
            copy.AddPlaces(); // those in use are in use by threads of the original only
        }

        return copy;
    }
}
