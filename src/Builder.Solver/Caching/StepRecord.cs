// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Solver.Caching;

/// <summary>
/// What is remembered of a step under its key. The encoding begins with what a look-up needs; the inputs follow, for
/// explanations.
/// </summary>
/// <param name="Layer">The layer it made; null when it changed nothing.</param>
/// <param name="SizeBytes">The sum of the sizes of the files in it.</param>
/// <param name="Created">When it was made; goes into the history of images, so that a rebuild gives the same image.</param>
/// <param name="Inputs">What made the key.</param>
public sealed record StepRecord(
    DiffId? Layer, long SizeBytes, DateTimeOffset Created, ImmutableArray<KeyInput> Inputs)
{
    /// <summary>What the names of step records begin with in a cache; the key's hex digits follow.</summary>
    public const string KeyPrefix = "step-";

    private const int MaxInputs = 100_000;

    private static readonly byte[] s_magic = "bldstep1"u8.ToArray();

    /// <summary>Encodes the record.</summary>
    public byte[] Encode()
    {
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer, Encoding.UTF8);
        writer.Write(s_magic);
        writer.Write(Layer is not null);
        if (Layer is { } layer)
        {
            writer.Write(Convert.FromHexString(layer.Value.Hex));
        }

        writer.Write(SizeBytes);
        writer.Write(Created.UtcTicks);
        writer.Write(Inputs.Length);
        foreach (KeyInput input in Inputs)
        {
            writer.Write(input.Name);
            writer.Write(input.Value);
        }

        return buffer.ToArray();
    }

    /// <summary>
    /// Decodes a record; null when it is not one (another version, a damaged store): the step is a miss then. Without
    /// <paramref name="withInputs"/> only the result is read.
    /// </summary>
    public static StepRecord? TryDecode(byte[] bytes, bool withInputs)
    {
        const int HashBytes = 32;
        ReadOnlySpan<byte> rest = bytes;
        if (!rest.StartsWith(s_magic) || rest.Length < s_magic.Length + 1)
        {
            return null;
        }

        bool hasLayer = rest[s_magic.Length] == 1;
        rest = rest[(s_magic.Length + 1)..];
        if (rest.Length < (hasLayer ? HashBytes : 0) + sizeof(long) + sizeof(long) + sizeof(int))
        {
            return null;
        }

        DiffId? layer = hasLayer ? new DiffId(Digest.FromHash(rest[..HashBytes])) : null;
        rest = hasLayer ? rest[HashBytes..] : rest;
        long size = BinaryPrimitives.ReadInt64LittleEndian(rest);
        long ticks = BinaryPrimitives.ReadInt64LittleEndian(rest[sizeof(long)..]);
        if (ticks < 0 || ticks > DateTimeOffset.MaxValue.UtcTicks)
        {
            return null;
        }

        var record = new StepRecord(layer, size, new DateTimeOffset(ticks, TimeSpan.Zero), []);
        return withInputs ? DecodeInputs(record, bytes, bytes.Length - rest.Length + (2 * sizeof(long))) : record;
    }

    private static StepRecord? DecodeInputs(StepRecord record, byte[] bytes, int offset)
    {
        try
        {
            using var reader = new BinaryReader(new MemoryStream(bytes, offset, bytes.Length - offset), Encoding.UTF8);
            int count = reader.ReadInt32();
            if (count is < 0 or > MaxInputs)
            {
                return null;
            }

            ImmutableArray<KeyInput>.Builder inputs = ImmutableArray.CreateBuilder<KeyInput>();
            for (int i = 0; i < count; i++)
            {
                inputs.Add(new KeyInput(reader.ReadString(), reader.ReadString()));
            }

            return record with { Inputs = inputs.ToImmutable() };
        }
        catch (Exception damage) when (damage is EndOfStreamException or FormatException)
        {
            return null;
        }
    }
}
