// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Builder.Executor.Context;

/// <summary>
/// A git repository with what to take from it: <c>URL#REF:DIRECTORY</c> or <c>URL?ref=..&amp;subdir=..</c>. Source: docker,
/// "Build context: git repositories".
/// </summary>
internal sealed partial record GitUrl
{
    /// <summary>What git is given.</summary>
    public required string Remote { get; init; }

    /// <summary>A branch, tag or commit; null is the remote's HEAD.</summary>
    public string? Ref { get; init; }

    /// <summary>A directory of the repository; "" is all of it.</summary>
    public string Directory { get; init; } = "";

    /// <summary>The commit, or its beginning, that it must be; null when any will do.</summary>
    public string? Checksum { get; init; }

    /// <summary>Keep .git; null when the query does not say.</summary>
    public bool? KeepGitDir { get; init; }

    /// <summary>Fetch submodules.</summary>
    public bool Submodules { get; init; } = true;

    /// <summary>True when it reads like a local path too (<c>github.com/o/r</c>), so that ADD does not take it.</summary>
    public bool IsAmbiguous { get; init; }

    /// <summary>True when the text means a git repository; then it is parsed.</summary>
    /// <exception cref="ContextException">It means one and is malformed.</exception>
    public static bool TryParse(string text, [NotNullWhen(true)] out GitUrl? url)
    {
        url = null;
        if (text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal)
            || text.StartsWith('-') || text.Any(char.IsControl))
        {
            return false;
        }

        (string beforeFragment, string? fragment) = Cut(text, '#');
        (string remote, string? query) = Cut(beforeFragment, '?');
        bool isAmbiguous = remote.StartsWith("github.com/", StringComparison.Ordinal);
        if (isAmbiguous)
        {
            remote = "https://" + remote;
        }
        else if (!IsGitAddress(remote))
        {
            return false;
        }

        GitUrl result = new() { Remote = remote, IsAmbiguous = isAmbiguous };
        if (fragment is not null)
        {
            (string reference, string? directory) = Cut(fragment, ':');
            result = result with { Ref = NullIfEmpty(reference), Directory = directory ?? "" };
        }

        url = query is null ? result : result.WithQuery(text, query);
        if (url.Ref?.StartsWith('-') == true)
        {
            throw Malformed(text, "a ref cannot begin with '-'");
        }

        return true;
    }

    private static bool IsGitAddress(string remote)
    {
        int scheme = remote.IndexOf("://", StringComparison.Ordinal);
        return scheme < 0
            ? ScpForm().IsMatch(remote)
            : remote[..scheme].ToLowerInvariant() switch
            {
                "git" or "ssh" => true,
                "http" or "https" or "file" => remote.EndsWith(".git", StringComparison.Ordinal)
                    || remote.EndsWith(".git/", StringComparison.Ordinal),
                _ => false,
            };
    }

    private GitUrl WithQuery(string text, string query)
    {
        GitUrl result = this;
        foreach (string field in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            (string key, string? raw) = Cut(field, '=');
            string value = Uri.UnescapeDataString(raw ?? "");
            result = key switch
            {
                "ref" => result with { Ref = Once(text, key, result.Ref, value) },
                "tag" => result with { Ref = Once(text, key, result.Ref, "refs/tags/" + value) },
                "branch" => result with { Ref = Once(text, key, result.Ref, "refs/heads/" + value) },
                "subdir" => result with { Directory = Once(text, key, NullIfEmpty(result.Directory), value) },
                "checksum" or "commit" => result with { Checksum = Once(text, key, result.Checksum, value) },
                "keep-git-dir" => result with { KeepGitDir = IsTrue(text, key, raw) },
                "submodules" => result with { Submodules = IsTrue(text, key, raw) },
                "mtime" when value is "commit" or "checkout" => result,
                "fetch-by-commit" => result,
                _ => throw Malformed(text, $"unknown query \"{key}\""),
            };
        }

        return result;
    }

    private static string Once(string text, string key, string? before, string value) => before is null || before == value
        ? value
        : throw Malformed(text, $"\"{key}\" contradicts what was given before");

    private static bool IsTrue(string text, string key, string? value) => value?.ToLowerInvariant() switch
    {
        null or "" or "1" or "true" => true,
        "0" or "false" => false,
        _ => throw Malformed(text, $"\"{key}\" is neither true nor false"),
    };

    private static ContextException Malformed(string text, string what) =>
        new(ContextFailure.Invalid, $"read git URL \"{text}\": {what}");

    private static (string Before, string? After) Cut(string text, char separator)
    {
        int index = text.IndexOf(separator, StringComparison.Ordinal);
        return index < 0 ? (text, null) : (text[..index], text[(index + 1)..]);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    /// <summary>USER@HOST:PATH.</summary>
    [GeneratedRegex("^[A-Za-z0-9_.-]+@[A-Za-z0-9._-]+:[^/\\s].*$")]
    private static partial Regex ScpForm();
}
