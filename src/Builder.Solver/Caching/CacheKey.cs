// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Builder.Frontend.Naming;

namespace Builder.Solver.Caching;

/// <summary>A step's cache key and the fields that made it.</summary>
internal sealed class CacheKey
{
    private const int MaxShownCharacters = 400;
    private const int BeginningCharacters = 80;

    private readonly List<KeyValuePair<string, string>> _fields;

    /// <summary>Creates a key; <see cref="CacheKeyBuilder"/> knows how.</summary>
    public CacheKey(Digest digest, List<KeyValuePair<string, string>> fields)
    {
        Digest = digest;
        _fields = fields;
    }

    /// <summary>Decides reuse.</summary>
    public Digest Digest { get; }

    /// <summary>
    /// The fields as people may see them: long values and those that may be secret as digests. Made when a record is
    /// written or compared, because a hit needs none of it.
    /// </summary>
    public ImmutableArray<KeyInput> Describe() =>
        [.. _fields.Select(field => new KeyInput(field.Key, Show(field.Key, field.Value)))];

    private static string Show(string name, string value)
    {
        if (SensitiveValue.IsSensitive(name, value))
        {
            return $"(hidden) {DigestOf(value)}";
        }

        return value.Length > MaxShownCharacters
            ? $"{value.AsSpan(0, BeginningCharacters)}... {DigestOf(value)}"
            : value;
    }

    private static Digest DigestOf(string value) => Digest.FromHash(SHA256.HashData(Encoding.UTF8.GetBytes(value)));
}

/// <summary>One input of a key: what it is, and its value as people may see it.</summary>
/// <param name="Name">For instance <c>command</c>, <c>env PATH</c>, <c>parent</c>, <c>source</c>.</param>
/// <param name="Value">The value, or <c>sha256:...</c> of it.</param>
public sealed record KeyInput(string Name, string Value);
