// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Security.Cryptography;

namespace Builder.Executor.Running;

/// <summary>Names and ids of containers.</summary>
internal static class ContainerName
{
    private const int IdBytes = 32;

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    private static readonly string[] s_adjectives =
    [
        "agile", "amber", "bold", "brave", "bright", "brisk", "calm", "clever", "cosmic", "crisp", "eager", "fearless",
        "gentle", "golden", "happy", "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "merry", "mighty",
        "nimble", "noble", "patient", "proud", "quick", "quiet", "rapid", "silver", "sincere", "steady", "sunny",
        "swift", "tidy", "vivid", "warm", "wise",
    ];

    private static readonly string[] s_nouns =
    [
        "albatross", "badger", "beaver", "bison", "cedar", "condor", "coral", "crane", "dolphin", "falcon", "ferret",
        "finch", "gecko", "heron", "ibex", "jaguar", "kestrel", "lemur", "lynx", "magpie", "marten", "narwhal",
        "ocelot", "orca", "osprey", "otter", "pelican", "plover", "puffin", "quokka", "raven", "salmon", "sparrow",
        "stork", "swift", "tapir", "toucan", "walrus", "wombat", "yak",
    ];

    /// <summary>64 random hexadecimal digits.</summary>
    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));

    /// <summary>Two words; another one with a digit when those are taken.</summary>
    public static string Suggest(int attempt)
    {
        string name = $"{Pick(s_adjectives)}_{Pick(s_nouns)}";
        return attempt == 0 ? name : $"{name}{RandomNumberGenerator.GetInt32(10)}";
    }

    /// <summary>docker's rule, one character included: the first is a letter or digit.</summary>
    public static bool IsValid(string name) =>
        name.Length > 0 && char.IsAsciiLetterOrDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(s_allowed);

    private static string Pick(string[] words) => words[RandomNumberGenerator.GetInt32(words.Length)];
}
