// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>A piece of a file on the disk that other files may have in common with it.</summary>
/// <param name="Physical">Where it lies on the device, in bytes.</param>
/// <param name="Length">How long it is.</param>
internal readonly record struct SharedExtent(ulong Physical, ulong Length);

/// <summary>Asks where the content of a file lies. Source: the kernel's filesystems/fiemap.rst.</summary>
internal static unsafe class FileExtents
{
    private const ulong GetMap = 0xC020660B; // FS_IOC_FIEMAP
    private const int BatchExtents = 128;
    private const uint LastExtent = 0x1;
    private const uint Unknown = 0x2;
    private const uint Inline = 0x200;
    private const uint Shared = 0x2000;

    /// <summary>
    /// The pieces of an open file that are marked as shared; none where the file system does not say such things.
    /// </summary>
    public static List<SharedExtent> ListShared(int descriptor)
    {
        var shared = new List<SharedExtent>();
        byte[] buffer = new byte[sizeof(Map) + (BatchExtents * sizeof(Extent))];
        ulong start = 0;
        fixed (byte* pointer = buffer)
        {
            while (true)
            {
                var map = (Map*)pointer;
                *map = new Map { Start = start, Length = ulong.MaxValue - start, ExtentCount = BatchExtents };
                if (Libc.IoctlInteger(descriptor, GetMap, (nint)pointer) != 0 || map->MappedExtents == 0)
                {
                    return shared;
                }

                var extents = new ReadOnlySpan<Extent>(pointer + sizeof(Map), (int)map->MappedExtents);
                foreach (Extent extent in extents)
                {
                    if ((extent.Flags & Shared) != 0 && (extent.Flags & (Unknown | Inline)) == 0)
                    {
                        shared.Add(new SharedExtent(extent.Physical, extent.Length));
                    }
                }

                Extent last = extents[^1];
                if ((last.Flags & LastExtent) != 0)
                {
                    return shared;
                }

                start = last.Logical + last.Length;
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Map
    {
        public ulong Start;
        public ulong Length;
        public uint Flags;
        public uint MappedExtents;
        public uint ExtentCount;
        public uint Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Extent
    {
        public ulong Logical;
        public ulong Physical;
        public ulong Length;
        public ulong Reserved1;
        public ulong Reserved2;
        public uint Flags;
        public uint Reserved3;
        public uint Reserved4;
        public uint Reserved5;
    }
}
