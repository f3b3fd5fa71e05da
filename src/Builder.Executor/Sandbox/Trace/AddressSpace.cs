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

    /// <summary>The size of a place.</summary>
    public const int PlaceBytes = 8192;

    private const int PlaceCount = 64;

    private readonly Stack<ulong> _places;

    /// <summary>Memory of a programme that has just been executed.</summary>
    public AddressSpace() => _places = [];

    private AddressSpace(AddressSpace other)
    {
        HasPlaces = other.HasPlaces;
        LargePlace = other.LargePlace;

        // What is in use is in use by the other's threads: in the copy it is free.
        _places = [];
        if (HasPlaces)
        {
            AddPlaces();
        }
    }

    /// <summary>The small places have been mapped.</summary>
    public bool HasPlaces { get; private set; }

    /// <summary>A place for more than that, or null. The process can write to it.</summary>
    public (ulong Address, int Bytes)? LargePlace { get; set; }

    /// <summary>How many threads share it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>A free place, until it is given back.</summary>
    public bool TryTake(out ulong place) => _places.TryPop(out place);

    /// <summary>Gives a place back.</summary>
    public void GiveBack(ulong place) => _places.Push(place);

    /// <summary>Says that the range of small places is mapped now.</summary>
    public void AddPlaces()
    {
        HasPlaces = true;
        for (ulong place = PlacesEnd - PlaceBytes; place >= PlacesStart; place -= PlaceBytes)
        {
            _places.Push(place);
        }
    }

    /// <summary>A copy, as fork(2) makes it.</summary>
    public AddressSpace Fork() => new(this);
}
