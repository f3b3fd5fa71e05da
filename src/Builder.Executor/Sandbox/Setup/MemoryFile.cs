// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Setup;

/// <summary>Writes small files into a tmpfs of the sandbox.</summary>
internal static class MemoryFile
{
    /// <summary>Makes a new file; its mode is exact, whatever the umask.</summary>
    public static void Write(int directory, string name, ReadOnlySpan<byte> content, int mode)
    {
        byte[] bytes = PathEncoding.Encode(name);
        FileDescriptor file = AtCalls.Open(
            directory, bytes, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, mode);
        using SafeFileHandle handle = file.Release();
        RandomAccess.Write(handle, content, 0);
        AtCalls.Chmod(handle.Number(), [], mode);
    }
}
