// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Solver.Caching;

/// <summary>
/// Makes a cache key: SHA-256 over the format's version, the operation, and every field as length, name, length, value.
/// Lengths keep fields apart, so that no two different sets of fields are encoded alike. See docs/cache-keys.md.
/// </summary>
internal sealed class CacheKeyBuilder
{
    /// <summary>Raised whenever an operation's fields change their meaning.</summary>
    private const string Format = "bld key 1";

    private readonly ArrayBufferWriter<byte> _encoded = new(1024);
    private readonly List<KeyValuePair<string, string>> _fields = [];

    /// <summary>Begins the key of an operation.</summary>
    public CacheKeyBuilder(string operation)
    {
        Write(Format);
        Write(operation);
        _fields.Add(new KeyValuePair<string, string>("operation", operation));
    }

    /// <summary>Adds a field; the order of calls counts.</summary>
    public CacheKeyBuilder Add(string name, string value)
    {
        Write(name);
        Write(value);
        _fields.Add(new KeyValuePair<string, string>(name, value));
        return this;
    }

    /// <summary>Adds a field that is there only sometimes; a missing one differs from an empty one.</summary>
    public CacheKeyBuilder AddOptional(string name, string? value) => value is null ? this : Add(name, value);

    /// <summary>Adds a switch that is off in most steps; only "on" is encoded.</summary>
    public CacheKeyBuilder AddSwitch(string name, bool value) => value ? Add(name, "true") : this;

    /// <summary>Adds values of one kind in their order, together with their number.</summary>
    public CacheKeyBuilder AddAll(string name, IReadOnlyCollection<string> values)
    {
        Write(name + "s");
        WriteNumber(values.Count);
        foreach (string value in values)
        {
            Add(name, value);
        }

        return this;
    }

    /// <summary>Finishes the key.</summary>
    public CacheKey Build() =>
        new(Digest.FromHash(SHA256.HashData(_encoded.WrittenSpan)), _fields);

    private void Write(string text)
    {
        // File names may hold lone surrogates (PathEncoding); each char is two bytes here, so none is lost.
        int length = text.Length * sizeof(char);
        WriteNumber(length);
        Span<byte> target = _encoded.GetSpan(length);
        for (int i = 0; i < text.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(target[(i * sizeof(char))..], text[i]);
        }

        _encoded.Advance(length);
    }

    private void WriteNumber(int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_encoded.GetSpan(sizeof(int)), number);
        _encoded.Advance(sizeof(int));
    }
}
