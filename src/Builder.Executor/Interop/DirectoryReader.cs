// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;

namespace Builder.Executor.Interop;

/// <summary>A name in a directory with the type that the file system knows without a stat (0 when it does not).</summary>
/// <param name="Name">The bytes of the name.</param>
/// <param name="TypeBits">The type as in <see cref="FileType"/>, or 0.</param>
/// <param name="Inode">Inode number.</param>
internal readonly record struct DirectoryEntry(byte[] Name, int TypeBits, ulong Inode)
{
    /// <summary>True when it is known to be a directory.</summary>
    public bool IsDirectory => TypeBits == FileType.Directory;
}

/// <summary>Reads directories with getdents64(2).</summary>
internal static unsafe class DirectoryReader
{
    private const int BufferBytes = 64 * 1024;

    // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
    private const int LengthOffset = 8 /* inode */ + 8 /* offset */;
    private const int TypeOffset = LengthOffset + 2;
    private const int NameOffset = TypeOffset + 1;

    /// <summary>All entries of an open directory but "." and "..", in no order. The descriptor must be readable and at
    /// its start.</summary>
    public static List<DirectoryEntry> Read(int descriptor)
    {
        var entries = new List<DirectoryEntry>();
        byte[] array = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            fixed (byte* buffer = array)
            {
                nint length;
                while ((length = Libc.GetDirectoryEntries(descriptor, buffer, BufferBytes)) > 0)
                {
                    Parse(new ReadOnlySpan<byte>(buffer, (int)length), entries);
                }

                if (length < 0)
                {
                    throw AtCalls.Failure("read directory", descriptor, []);
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(array);
        }

        return entries;
    }

    /// <summary>All entries of a directory below a held one.</summary>
    public static List<DirectoryEntry> Read(int directory, ReadOnlySpan<byte> name)
    {
        using FileDescriptor opened = AtCalls.Open(directory, name.IsEmpty ? "."u8 : name, OpenFlags.DirectoryRead);
        return Read(opened.Value);
    }

    /// <summary>Sorts entries by the bytes of their names.</summary>
    public static void SortByBytes(List<DirectoryEntry> entries) =>
        entries.Sort(static (a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));

    private static void Parse(ReadOnlySpan<byte> records, List<DirectoryEntry> entries)
    {
        while (!records.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(records[LengthOffset..]);
            ReadOnlySpan<byte> name = records[NameOffset..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
            {
                // DT_* are the type bits of a mode shifted by 12.
                entries.Add(new DirectoryEntry(
                    name.ToArray(), records[TypeOffset] << 12, BinaryPrimitives.ReadUInt64LittleEndian(records)));
            }

            records = records[length..];
        }
    }
}
