// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Security.Cryptography;
using Builder.Executor.Interop;
using Builder.Frontend.Naming;

namespace Builder.Executor.Context;

/// <summary>Hashes open files.</summary>
internal static unsafe class FileHash
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>SHA-256 of what an open file holds from its current position.</summary>
    /// <param name="descriptor">A readable file.</param>
    /// <param name="expectedSize">How long it probably is.</param>
    public static Digest Compute(int descriptor, long expectedSize)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(expectedSize + 1, 4096, BufferBytes));
        try
        {
            int length = Fill(descriptor, buffer);
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            if (length < buffer.Length)
            {
                SHA256.HashData(buffer.AsSpan(0, length), hash);
                return Digest.FromHash(hash);
            }

            using var incremental = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            while (length > 0)
            {
                incremental.AppendData(buffer, 0, length);
                length = Fill(descriptor, buffer);
            }

            incremental.GetHashAndReset(hash);
            return Digest.FromHash(hash);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int Fill(int descriptor, byte[] buffer)
    {
        int length = 0;
        fixed (byte* bytes = buffer)
        {
            while (length < buffer.Length)
            {
                nint count = Libc.Read(descriptor, bytes + length, (nuint)(buffer.Length - length));
                if (count < 0 && AtCalls.LastError() == Errno.EINTR)
                {
                    continue;
                }

                if (count < 0)
                {
                    throw AtCalls.Failure("read", descriptor, []);
                }

                if (count == 0)
                {
                    break;
                }

                length += (int)count;
            }
        }

        return length;
    }
}
