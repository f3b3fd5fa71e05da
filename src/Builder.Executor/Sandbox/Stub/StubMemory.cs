// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Stub;

/// <summary>The stub in executable memory, mapped once and never unmapped: children run in it.</summary>
internal static unsafe class StubMemory
{
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int ProtectExecute = 4;
    private const int MapPrivateAnonymous = 0x22;

    private static readonly Lazy<nint> s_address = new(Map);

    /// <summary>Where it is.</summary>
    /// <exception cref="SandboxException">No code for this machine, or executable memory is forbidden.</exception>
    public static nint Address => s_address.Value;

    private static nint Map()
    {
        ReadOnlySpan<byte> code = StubCode.ForThisMachine;
        if (code.IsEmpty)
        {
            throw new SandboxException("start a process: this machine's processor is not supported")
            {
                Hint = "bld runs commands on x86-64 and arm64",
            };
        }

        nuint length = (nuint)Environment.SystemPageSize;
        nint page = Libc.MemoryMap(0, length, ProtectRead | ProtectWrite, MapPrivateAnonymous, -1, 0);
        if (page == -1)
        {
            throw new LinuxException("mmap", Libc.LastErrno);
        }

        code.CopyTo(new Span<byte>((void*)page, code.Length));
        return Libc.MemoryProtect(page, length, ProtectRead | ProtectExecute) == 0
            ? page
            : throw new LinuxException("mprotect", Libc.LastErrno);
    }
}
