// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;

namespace Builder.Executor.FileSystem;

/// <summary>
/// Extended attributes of names below a held directory; symbolic links are not followed. The names go through
/// /proc/self/fd because the kernel has had no *at form of these calls before 6.13.
/// </summary>
internal static unsafe class Xattrs
{
    private const int InitialBytes = 1024;
    private const int MaxValueBytes = 64 * 1024 /* XATTR_SIZE_MAX and XATTR_LIST_MAX */;

    /// <summary>The names of all attributes; empty where the file system has none.</summary>
    public static List<string> List(int directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* path = PathOf(directory, name))
        {
            byte* small = stackalloc byte[InitialBytes];
            nint length = Libc.ListLinkXattr(path, small, InitialBytes);
            if (length >= 0)
            {
                return Split(new ReadOnlySpan<byte>(small, (int)length));
            }

            if (AtCalls.LastError() == Errno.ERANGE)
            {
                byte[] large = new byte[MaxValueBytes];
                fixed (byte* buffer = large)
                {
                    length = Libc.ListLinkXattr(path, buffer, MaxValueBytes);
                    if (length >= 0)
                    {
                        return Split(large.AsSpan(0, (int)length));
                    }
                }
            }

            return AtCalls.LastError() is Errno.ENOTSUP or Errno.EPERM or Errno.EACCES
                ? []
                : throw AtCalls.Failure("list attributes of", directory, name);
        }
    }

    /// <summary>The value of an attribute, or null when there is none.</summary>
    public static byte[]? Get(int directory, ReadOnlySpan<byte> name, string attribute)
    {
        fixed (byte* path = PathOf(directory, name))
        fixed (byte* key = Terminated(attribute))
        {
            byte* small = stackalloc byte[InitialBytes];
            nint length = Libc.GetLinkXattr(path, key, small, InitialBytes);
            if (length >= 0)
            {
                return new ReadOnlySpan<byte>(small, (int)length).ToArray();
            }

            if (AtCalls.LastError() == Errno.ERANGE)
            {
                byte[] large = new byte[MaxValueBytes];
                fixed (byte* buffer = large)
                {
                    length = Libc.GetLinkXattr(path, key, buffer, MaxValueBytes);
                    if (length >= 0)
                    {
                        return large[..(int)length];
                    }
                }
            }

            return AtCalls.LastError() is Errno.ENODATA or Errno.ENOTSUP or Errno.EPERM or Errno.EACCES
                ? null
                : throw AtCalls.Failure($"read attribute {attribute} of", directory, name);
        }
    }

    /// <summary>Sets an attribute; of the held file itself when the name is empty. False with errno on failure.</summary>
    public static bool RawSet(int directory, ReadOnlySpan<byte> name, string attribute, ReadOnlySpan<byte> value)
    {
        if (name.IsEmpty)
        {
            return RawSetHeld(directory, attribute, value);
        }

        fixed (byte* path = PathOf(directory, name))
        fixed (byte* key = Terminated(attribute))
        fixed (byte* data = value)
        {
            return Libc.SetLinkXattr(path, key, data, (nuint)value.Length, 0) == 0;
        }
    }

    /// <summary>Sets an attribute.</summary>
    public static void Set(int directory, ReadOnlySpan<byte> name, string attribute, ReadOnlySpan<byte> value)
    {
        if (!RawSet(directory, name, attribute, value))
        {
            throw AtCalls.Failure($"set attribute {attribute} of", directory, name);
        }
    }

    /// <summary>The value of an attribute of a file that is held, be it as a mere reference; null when there is none.</summary>
    public static byte[]? GetHeld(int descriptor, string attribute)
    {
        fixed (byte* path = Terminated($"/proc/self/fd/{descriptor}"))
        fixed (byte* key = Terminated(attribute))
        {
            byte* small = stackalloc byte[InitialBytes];
            nint length = Libc.GetFollowedXattr(path, key, small, InitialBytes);
            return length >= 0 ? new ReadOnlySpan<byte>(small, (int)length).ToArray() : null;
        }
    }

    /// <summary>As <see cref="GetHeld"/>, for values of any size.</summary>
    public static byte[]? GetHeldWhole(int descriptor, string attribute)
    {
        if (GetHeld(descriptor, attribute) is { } value)
        {
            return value;
        }

        if (AtCalls.LastError() != Errno.ERANGE)
        {
            return null;
        }

        byte[] large = new byte[MaxValueBytes];
        fixed (byte* path = Terminated($"/proc/self/fd/{descriptor}"))
        fixed (byte* key = Terminated(attribute))
        fixed (byte* buffer = large)
        {
            nint length = Libc.GetFollowedXattr(path, key, buffer, MaxValueBytes);
            return length >= 0 ? large[..(int)length] : null;
        }
    }

    /// <summary>The names of the attributes of a file that is held, be it as a mere reference.</summary>
    public static List<string> ListHeld(int descriptor)
    {
        byte[] large = new byte[MaxValueBytes];
        fixed (byte* path = Terminated($"/proc/self/fd/{descriptor}"))
        fixed (byte* buffer = large)
        {
            nint length = Libc.ListFollowedXattr(path, buffer, MaxValueBytes);
            return length > 0 ? Split(large.AsSpan(0, (int)length)) : [];
        }
    }

    /// <summary>Removes an attribute of a file that is held; false with errno on failure.</summary>
    public static bool RawRemoveHeld(int descriptor, string attribute)
    {
        fixed (byte* path = Terminated($"/proc/self/fd/{descriptor}"))
        fixed (byte* key = Terminated(attribute))
        {
            return Libc.RemoveFollowedXattr(path, key) == 0;
        }
    }

    /// <summary>Sets an attribute of a file that is held, be it as a mere reference; false with errno on failure.</summary>
    public static bool RawSetHeld(int descriptor, string attribute, ReadOnlySpan<byte> value)
    {
        fixed (byte* path = Terminated($"/proc/self/fd/{descriptor}"))
        fixed (byte* key = Terminated(attribute))
        fixed (byte* data = value)
        {
            return Libc.SetFollowedXattr(path, key, data, (nuint)value.Length, 0) == 0;
        }
    }

    /// <summary>Removes an attribute of an open file, if it is there and this process may.</summary>
    public static void Remove(int descriptor, string attribute)
    {
        fixed (byte* key = Terminated(attribute))
        {
            if (Libc.RemoveXattr(descriptor, key) != 0
                && AtCalls.LastError() is not (Errno.ENODATA or Errno.ENOTSUP or Errno.EPERM))
            {
                throw AtCalls.Failure($"remove attribute {attribute} of", descriptor, []);
            }
        }
    }

    // "." makes the magic link an ordinary directory, so that the l* calls act on what it means.
    private static byte[] PathOf(int directory, ReadOnlySpan<byte> name)
    {
        if (directory == AtCalls.CurrentDirectory)
        {
            return [.. name, 0];
        }

        byte[] prefix = Encoding.ASCII.GetBytes($"/proc/self/fd/{directory}/");
        return name.IsEmpty ? [.. prefix, (byte)'.', 0] : [.. prefix, .. name, 0];
    }

    private static byte[] Terminated(string attribute) =>
        [.. Solver.Files.PathEncoding.Encode(attribute), 0];

    private static List<string> Split(ReadOnlySpan<byte> list)
    {
        var names = new List<string>();
        while (!list.IsEmpty)
        {
            int end = list.IndexOf((byte)0);
            names.Add(Solver.Files.PathEncoding.Decode(list[..end]));
            list = list[(end + 1)..];
        }

        return names;
    }
}
