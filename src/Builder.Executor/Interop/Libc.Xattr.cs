// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <content>Extended attributes: xattr(7).</content>
internal static unsafe partial class Libc
{
    /// <summary>setxattr: fail when the attribute exists.</summary>
    internal const int XattrCreate = 1;

    /// <summary>fgetxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "fgetxattr", SetLastError = true)]
    internal static partial nint GetXattr(int descriptor, byte* name, byte* value, nuint size);

    /// <summary>lgetxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "lgetxattr", SetLastError = true)]
    internal static partial nint GetLinkXattr(byte* path, byte* name, byte* value, nuint size);

    /// <summary>fsetxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "fsetxattr", SetLastError = true)]
    internal static partial int SetXattr(int descriptor, byte* name, byte* value, nuint size, int flags);

    /// <summary>lsetxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "lsetxattr", SetLastError = true)]
    internal static partial int SetLinkXattr(byte* path, byte* name, byte* value, nuint size, int flags);

    /// <summary>flistxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "flistxattr", SetLastError = true)]
    internal static partial nint ListXattr(int descriptor, byte* list, nuint size);

    /// <summary>llistxattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "llistxattr", SetLastError = true)]
    internal static partial nint ListLinkXattr(byte* path, byte* list, nuint size);

    /// <summary>fremovexattr(2).</summary>
    [LibraryImport(Library, EntryPoint = "fremovexattr", SetLastError = true)]
    internal static partial int RemoveXattr(int descriptor, byte* name);

    /// <summary>getxattr(2): follows symbolic links.</summary>
    [LibraryImport(Library, EntryPoint = "getxattr", SetLastError = true)]
    internal static partial nint GetFollowedXattr(byte* path, byte* name, byte* value, nuint size);

    /// <summary>setxattr(2): follows symbolic links.</summary>
    [LibraryImport(Library, EntryPoint = "setxattr", SetLastError = true)]
    internal static partial int SetFollowedXattr(byte* path, byte* name, byte* value, nuint size, int flags);

    /// <summary>listxattr(2): follows symbolic links.</summary>
    [LibraryImport(Library, EntryPoint = "listxattr", SetLastError = true)]
    internal static partial nint ListFollowedXattr(byte* path, byte* list, nuint size);

    /// <summary>removexattr(2): follows symbolic links.</summary>
    [LibraryImport(Library, EntryPoint = "removexattr", SetLastError = true)]
    internal static partial int RemoveFollowedXattr(byte* path, byte* name);
}
