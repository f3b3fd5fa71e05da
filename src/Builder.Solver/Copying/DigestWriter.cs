// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Security.Cryptography;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>Hashes values in a length-framed encoding: no two sequences of values have the same bytes.</summary>
internal sealed class DigestWriter : IDisposable
{
    private const int BufferBytes = 16 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _used;

    /// <summary>Creates a writer; <paramref name="version"/> names the encoding.</summary>
    public DigestWriter(string version)
    {
        Write(version);
    }

    /// <summary>Adds a number.</summary>
    public void Write(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Append(bytes);
    }

    /// <summary>Adds a text; null differs from "".</summary>
    public void Write(string? text)
    {
        if (text is null)
        {
            Write(-1L);
        }
        else
        {
            Write(PathEncoding.Encode(text));
        }
    }

    /// <summary>Adds bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Write((long)bytes.Length);
        Append(bytes);
    }

    /// <summary>Adds the hexadecimal digits of a digest.</summary>
    public void Write(Digest digest)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> hex = stackalloc byte[2 * SHA256.HashSizeInBytes];
        digest.CopyTo(hash);
        Convert.TryToHexStringLower(hash, hex, out int length);
        Write(hex[..length]);
    }

    /// <summary>Adds attributes.</summary>
    public void Write(IReadOnlyCollection<ExtendedAttribute> attributes)
    {
        Write(attributes.Count);
        foreach (ExtendedAttribute attribute in attributes)
        {
            Write(attribute.Name);
            Write(attribute.Value.AsSpan());
        }
    }

    /// <summary>The digest of what was written; the writer is then empty.</summary>
    public Digest Finish()
    {
        Flush();
        return Digest.FromHash(_hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > BufferBytes - _used)
        {
            Flush();
            if (bytes.Length > BufferBytes)
            {
                _hash.AppendData(bytes);
                return;
            }
        }

        bytes.CopyTo(_buffer.AsSpan(_used));
        _used += bytes.Length;
    }

    private void Flush()
    {
        _hash.AppendData(_buffer, 0, _used);
        _used = 0;
    }
}
