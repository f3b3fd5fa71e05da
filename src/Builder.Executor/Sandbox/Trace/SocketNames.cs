// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Text;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// What a step calls the sockets that it bound to paths: the kernel knows them by other paths, which getsockname(2) and
/// getpeername(2) would tell. Programmes pass what they are told on, and connect to it.
/// </summary>
internal sealed class SocketNames
{
    private const int FamilyUnix = 1;
    private const int FamilyBytes = 2;
    private const int AddressBytes = 110; // struct sockaddr_un

    private readonly Dictionary<string, byte[]> _names = new(StringComparer.Ordinal);

    /// <summary>Remembers the name that a process gave, for the one that it got.</summary>
    public void Remember(ReadOnlySpan<byte> bound, ReadOnlySpan<byte> given) =>
        _names[Encoding.Latin1.GetString(bound)] = given.ToArray();

    /// <summary>The room that a process has for a name, before the call.</summary>
    public static int RoomFor(Tracee thread, in TraceRegisters registers)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        return TraceeMemory.TryRead(thread.ThreadId, registers.Argument(2), length)
            ? BinaryPrimitives.ReadInt32LittleEndian(length)
            : 0;
    }

    /// <summary>Puts the name that was given in place of the one that the kernel wrote.</summary>
    /// <param name="thread">Who asked.</param>
    /// <param name="registers">The call's.</param>
    /// <param name="room">What there was room for.</param>
    public void Restore(Tracee thread, in TraceRegisters registers, int room)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        Span<byte> address = stackalloc byte[AddressBytes];
        if (_names.Count == 0 || !TraceeMemory.TryRead(thread.ThreadId, registers.Argument(2), length))
        {
            return;
        }

        int count = Math.Min(Math.Min(BinaryPrimitives.ReadInt32LittleEndian(length), room), AddressBytes);
        if (count <= FamilyBytes || !TraceeMemory.TryRead(thread.ThreadId, registers.Argument(1), address[..count])
            || BinaryPrimitives.ReadUInt16LittleEndian(address) != FamilyUnix)
        {
            return;
        }

        ReadOnlySpan<byte> path = address[FamilyBytes..count];
        int end = path.IndexOf((byte)0);
        if (!_names.TryGetValue(Encoding.Latin1.GetString(end < 0 ? path : path[..end]), out byte[]? given))
        {
            return;
        }

        byte[] whole = [FamilyUnix, 0, .. given, 0];
        BinaryPrimitives.WriteInt32LittleEndian(length, whole.Length);
        _ = TraceeMemory.TryWrite(thread.ThreadId, registers.Argument(1), whole.AsSpan(0, Math.Min(whole.Length, room)))
            && TraceeMemory.TryWrite(thread.ThreadId, registers.Argument(2), length);
    }
}
