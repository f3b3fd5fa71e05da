// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Interop;

/// <summary>Flags of open(2). Some numbers differ between x86-64 and arm64. Source: fcntl.h of the kernel.</summary>
internal static class OpenFlags
{
    /// <summary>Open for reading.</summary>
    public const int ReadOnly = 0;

    /// <summary>Open for writing.</summary>
    public const int WriteOnly = 1;

    /// <summary>Open for reading and writing.</summary>
    public const int ReadWrite = 2;

    /// <summary>Create the file when it is missing.</summary>
    public const int Create = 0x40;

    /// <summary>With <see cref="Create"/>: fail when it exists.</summary>
    public const int Exclusive = 0x80;

    /// <summary>Cut the file to length 0.</summary>
    public const int Truncate = 0x200;

    /// <summary>Write at the end.</summary>
    public const int Append = 0x400;

    /// <summary>Do not wait for the other end of a fifo.</summary>
    public const int NonBlock = 0x800;

    /// <summary>Close at execve.</summary>
    public const int CloseOnExec = 0x80000;

    /// <summary>A place in the file system only, no access to content.</summary>
    public const int Path = 0x200000;

    /// <summary>Do not update the access time.</summary>
    public const int NoAccessTime = 0x40000;

    private static readonly bool s_isArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Fail unless it is a directory.</summary>
    public static int Directory => s_isArm64 ? 0x4000 : 0x10000;

    /// <summary>Fail when the last component is a symbolic link.</summary>
    public static int NoFollow => s_isArm64 ? 0x8000 : 0x20000;

    /// <summary>How a directory is held: <c>O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC</c>.</summary>
    public static int DirectoryPath => Path | Directory | NoFollow | CloseOnExec;

    /// <summary>How a directory is read: <c>O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC</c>.</summary>
    public static int DirectoryRead => ReadOnly | Directory | NoFollow | CloseOnExec;
}
