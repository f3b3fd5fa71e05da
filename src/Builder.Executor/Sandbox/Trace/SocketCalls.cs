// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>
/// Calls of sockets that carry addresses. All of them get copies in <see cref="ArgumentPlaces"/>, also addresses that are
/// no paths: another thread could make them one before the kernel reads them.
/// </summary>
internal sealed class SocketCalls(SocketAddresses addresses, TraceeTable table)
{
    private const int MessageBytes = 56; // struct msghdr
    private const int MessageLengthOffset = 56; // in struct mmsghdr
    private const int CredentialBytes = 12; // struct ucred
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED

    /// <summary>connect(2), bind(2), sendto(2).</summary>
    public ChangedCall? ChangeAddress(Tracee thread, ref TraceRegisters registers, int argument, bool isBind)
    {
        if (ArgumentPlaces.TryTake(thread, ref registers, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        var call = new ChangedCall(registers, place, thread.Process.Memory);
        int length = (int)registers.Argument(argument + 1);
        byte[] translated;
        string? temporary = null;
        Func<long, long>? finish = null;
        Errno errno = isBind
            ? addresses.ToBind(thread, registers.Argument(argument), length, out translated, out finish)
            : addresses.ToConnect(thread, registers.Argument(argument), length, out translated, out temporary);
        if (errno != Errno.None)
        {
            thread.Process.Memory.GiveBack(place);
            throw new LinuxException("translate an address", errno);
        }

        ArgumentPlaces.Write(thread, place, translated);
        registers.SetArgument(argument, place);
        registers.SetArgument(argument + 1, (ulong)translated.Length);
        return call with { Temporary = temporary, Finish = finish };
    }

    /// <summary>
    /// sendmsg(2), and sendmmsg(2), of which one message is sent: that is what the call may do at any time.
    /// </summary>
    public ChangedCall? ChangeMessage(Tracee thread, ref TraceRegisters registers, bool isMultiple)
    {
        ulong messageAddress = registers.Argument(1);
        byte[] message = new byte[MessageBytes];
        if (isMultiple && (uint)registers.Argument(2) == 0)
        {
            return null;
        }

        if (!TraceeMemory.TryRead(thread.ThreadId, messageAddress, message))
        {
            throw new LinuxException("read a message", Errno.EFAULT);
        }

        if (ArgumentPlaces.TryTake(thread, ref registers, out ulong place) is { } makesPlaces)
        {
            return makesPlaces;
        }

        var call = new ChangedCall(registers, place, thread.Process.Memory);
        byte[] translated = [];
        string? temporary = null;
        ulong name = BinaryPrimitives.ReadUInt64LittleEndian(message);
        if (name != 0)
        {
            Errno errno = addresses.ToConnect(
                thread, name, BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(8)), out translated, out temporary);
            if (errno != Errno.None)
            {
                thread.Process.Memory.GiveBack(place);
                throw new LinuxException("translate an address", errno);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(message, place + MessageBytes);
            BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), translated.Length);
        }

        ArgumentPlaces.Write(thread, place, (byte[])[.. message, .. translated]);
        registers.SetArgument(1, place);
        if (!isMultiple)
        {
            return call with { Temporary = temporary };
        }

        registers.Number = CallNumbers.Sendmsg;
        registers.SetArgument(2, registers.Argument(3));
        return call with
        {
            Temporary = temporary,
            Finish = result =>
            {
                byte[] sent = BitConverter.GetBytes((int)Math.Max(result, 0));
                return result < 0 ? result
                    : TraceeMemory.TryWrite(thread.ThreadId, messageAddress + MessageLengthOffset, sent) ? 1
                    : -(long)Errno.EFAULT;
            },
        };
    }

    /// <summary>Calls that give an address, such as getsockname(2): (..., address, length, ...).</summary>
    public ChangedCall? WatchAddress(Tracee thread, in TraceRegisters registers, int argument)
    {
        ulong address = registers.Argument(argument);
        ulong lengthAddress = registers.Argument(argument + 1);
        Span<byte> word = stackalloc byte[sizeof(int)];
        if (address == 0 || !TraceeMemory.TryRead(thread.ThreadId, lengthAddress, word))
        {
            return null;
        }

        int room = BinaryPrimitives.ReadInt32LittleEndian(word);
        return new ChangedCall(registers, 0, thread.Process.Memory)
        {
            Finish = result =>
            {
                if (result >= 0)
                {
                    addresses.GiveBack(thread, address, lengthAddress, room);
                }

                return result;
            },
        };
    }

    /// <summary>getsockopt(2) of SO_PEERCRED: who the other end believes to be.</summary>
    public ChangedCall? WatchOption(Tracee thread, in TraceRegisters registers)
    {
        ulong value = registers.Argument(3);
        return ((int)registers.Argument(1), (int)registers.Argument(2)) != (SocketLevel, PeerCredentials)
            ? null
            : new ChangedCall(registers, 0, thread.Process.Memory)
            {
                Finish = result =>
                {
                    if (result >= 0)
                    {
                        GiveCredentials(thread, value);
                    }

                    return result;
                },
            };
    }

    private void GiveCredentials(Tracee thread, ulong address)
    {
        Span<byte> credentials = stackalloc byte[CredentialBytes];
        if (TraceeMemory.TryRead(thread.ThreadId, address, credentials)
            && BinaryPrimitives.ReadInt32LittleEndian(credentials) > 0)
        {
            FakeIdentity identity =
                table.FindProcess(BinaryPrimitives.ReadInt32LittleEndian(credentials))?.Identity ?? table.Initial;
            BinaryPrimitives.WriteUInt32LittleEndian(credentials[4..], identity.User.Effective);
            BinaryPrimitives.WriteUInt32LittleEndian(credentials[8..], identity.Group.Effective);
            _ = TraceeMemory.TryWrite(thread.ThreadId, address, credentials);
        }
    }
}
