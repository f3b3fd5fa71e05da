// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Builder.Executor.Content;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// The records of a PAX header, split by their lengths: values may hold any byte. Source: POSIX pax, "pax Header Block".
/// </summary>
internal sealed class PaxRecords
{
    private readonly List<(string Key, byte[] Value)> _records = [];

    /// <summary>The records in order; a key may come several times (sparse maps).</summary>
    public IReadOnlyList<(string Key, byte[] Value)> All => _records;

    /// <summary>True when there are none.</summary>
    public bool IsEmpty => _records.Count == 0;

    /// <summary>Parses a header's body and adds its records; later ones win.</summary>
    /// <exception cref="ContentException">A record is malformed.</exception>
    public void Parse(ReadOnlySpan<byte> body)
    {
        while (!body.IsEmpty)
        {
            int space = body.IndexOf((byte)' ');
            if (space is <= 0 or > 10
                || !int.TryParse(body[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                || length <= space + 2 || length > body.Length || body[length - 1] != '\n')
            {
                throw Malformed("a PAX record's length is wrong");
            }

            ReadOnlySpan<byte> record = body[(space + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw Malformed("a PAX record has no key");
            }

            _records.Add((PathEncoding.Decode(record[..equals]), record[(equals + 1)..].ToArray()));
            body = body[length..];
        }
    }

    /// <summary>The last value of a key, or null. An empty value withdraws earlier ones: null as well.</summary>
    public byte[]? Find(string key)
    {
        for (int i = _records.Count - 1; i >= 0; i--)
        {
            if (string.Equals(_records[i].Key, key, StringComparison.Ordinal))
            {
                return _records[i].Value.Length == 0 ? null : _records[i].Value;
            }
        }

        return null;
    }

    /// <summary>A whole number, or null.</summary>
    public long? FindNumber(string key)
    {
        byte[]? value = Find(key);
        return value is null ? null
            : long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number
            : throw Malformed($"the PAX record {key} is not a number");
    }

    /// <summary>A time: whole seconds, rounded down, and nanoseconds; null when there is none.</summary>
    public (long Seconds, int Nanoseconds)? FindTime(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        string text = Encoding.ASCII.GetString(value);
        bool negative = text.StartsWith('-');
        string[] parts = text.TrimStart('-').Split('.');
        if (parts.Length > 2
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long seconds))
        {
            throw Malformed($"the PAX record {key} is not a time");
        }

        int nanoseconds = 0;
        if (parts.Length == 2)
        {
            string decimals = (parts[1].Length > 9 ? parts[1][..9] : parts[1]).PadRight(9, '0');
            if (!int.TryParse(decimals, NumberStyles.None, CultureInfo.InvariantCulture, out nanoseconds))
            {
                throw Malformed($"the PAX record {key} is not a time");
            }
        }

        return !negative ? (seconds, nanoseconds)
            : nanoseconds == 0 ? (-seconds, 0)
            : (-seconds - 1, 1_000_000_000 - nanoseconds);
    }

    /// <summary>The extended attributes, sorted by name, each once.</summary>
    public ImmutableArray<ExtendedAttribute> Xattrs()
    {
        SortedDictionary<string, byte[]>? found = null;
        foreach ((string key, byte[] value) in _records)
        {
            if (key.StartsWith(TarFormat.XattrPrefix, StringComparison.Ordinal) && key.Length > TarFormat.XattrPrefix.Length)
            {
                found ??= new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
                found[key[TarFormat.XattrPrefix.Length..]] = value;
            }
        }

        return found is null ? [] : [.. found.Select(pair => new ExtendedAttribute(pair.Key, [.. pair.Value]))];
    }

    /// <summary>Forgets all records.</summary>
    public void Clear() => _records.Clear();

    private static ContentException Malformed(string what) =>
        new(ContentFailure.Malformed, $"read layer: {what}");
}
