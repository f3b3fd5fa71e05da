// SPDX-License-Identifier: Apache-2.0

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Executor.Registry;

/// <summary>
/// docker's config.json or containers' auth.json: reading of what concerns credentials, and changing of one entry while
/// everything else in the file stays. Source: docker/cli config.json, containers-auth.json(5).
/// </summary>
internal sealed class CredentialFile
{
    private const int MaxFileBytes = 1024 * 1024;
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateDirectory = PrivateFile | UnixFileMode.UserExecute;
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private readonly CredentialFileJson _content;

    private CredentialFile(string origin, CredentialFileJson content)
    {
        Origin = origin;
        _content = content;
    }

    /// <summary>The path, or the variable that held the text.</summary>
    public string Origin { get; }

    /// <summary>Reads a file; null when it does not exist.</summary>
    /// <exception cref="RegistryException">Not readable, or not such a file.</exception>
    public static CredentialFile? Load(string path)
    {
        try
        {
            // A pipe or a device would have no length: read it within the limit.
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] bytes = new byte[MaxFileBytes + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxFileBytes)
            {
                throw Invalid(path, "larger than 1 MiB", null);
            }

            return Parse(path, bytes.AsSpan(0, length));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Invalid(path, e.Message, e);
        }
    }

    /// <summary>Reads the text of such a file.</summary>
    public static CredentialFile Parse(string origin, ReadOnlySpan<byte> text)
    {
        try
        {
            if (Encoding.UTF8.GetString(text).AsSpan().Trim().IsEmpty)
            {
                return new CredentialFile(origin, new CredentialFileJson());
            }

            return new CredentialFile(
                origin, JsonSerializer.Deserialize(text, RegistryJson.Default.CredentialFileJson) ?? new CredentialFileJson());
        }
        catch (JsonException e)
        {
            throw Invalid(origin, $"not valid JSON at line {e.LineNumber + 1}", e);
        }
    }

    /// <summary>The helper's name for a registry: credHelpers of the host, else credsStore; null when neither is set.</summary>
    public string? FindHelper(RegistryName name)
    {
        foreach ((string key, string helper) in _content.CredHelpers ?? [])
        {
            if (name.Match(key) == RegistryName.HostMatch && helper.Length > 0)
            {
                return helper;
            }
        }

        return string.IsNullOrEmpty(_content.CredsStore) ? null : _content.CredsStore;
    }

    /// <summary>The credential of the longest key that names the registry or a path above the repository.</summary>
    public RegistryCredential? Find(RegistryName name)
    {
        RegistryCredential? best = null;
        int bestMatch = 0;
        foreach ((string key, CredentialEntryJson? entry) in _content.Auths ?? [])
        {
            int match = name.Match(key);
            if (match > bestMatch && entry is not null && ToCredential(key, entry) is { } credential)
            {
                (best, bestMatch) = (credential, match);
            }
        }

        return best;
    }

    /// <summary>Writes, replaces or (with null) removes the entry of a key. True when the file changed.</summary>
    public static bool Edit(string path, string key, RegistryCredential? credential)
    {
        string target = ResolveLink(path);
        JsonObject root = ReadObject(target);
        JsonObject? auths = root["auths"] as JsonObject;
        if (credential is null)
        {
            if (auths is null || !auths.Remove(key))
            {
                return false;
            }
        }
        else
        {
            if (auths is null)
            {
                root["auths"] = auths = [];
            }

            JsonObject entry = new() { ["auth"] = credential.ToBasic() };
            if (credential.IdentityToken is not null)
            {
                entry["identitytoken"] = credential.IdentityToken;
            }

            auths[key] = entry;
        }

        Write(target, root);
        return true;
    }

    private static JsonObject ReadObject(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            string text = File.ReadAllText(path);
            return text.AsSpan().Trim().IsEmpty
                ? []
                : JsonNode.Parse(text, documentOptions: new JsonDocumentOptions
                {
                    AllowTrailingCommas = true,
                    CommentHandling = JsonCommentHandling.Skip,
                }) as JsonObject ?? throw Invalid(path, "not a JSON object", null);
        }
        catch (JsonException e)
        {
            throw Invalid(path, "not valid JSON", e);
        }
    }

    /// <summary>A dotfile manager's link stays a link: the file behind it is replaced.</summary>
    private static string ResolveLink(string path) =>
        File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path : path;

    private static void Write(string path, JsonObject root)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(directory, PrivateDirectory);
        string temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
        try
        {
            FileStreamOptions options = new()
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = PrivateFile,
            };
            using (FileStream file = new(temporary, options))
            {
                file.Write(Encoding.UTF8.GetBytes(root.ToJsonString(s_indented) + "\n"));
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new RegistryException(RegistryFailure.Configuration, $"write \"{path}\": {e.Message}", e);
        }
    }

    private RegistryCredential? ToCredential(string key, CredentialEntryJson entry)
    {
        string user = entry.UserName ?? "";
        string password = entry.Password ?? "";
        if (!string.IsNullOrEmpty(entry.Auth))
        {
            byte[] bytes = new byte[entry.Auth.Length];
            if (!Convert.TryFromBase64String(entry.Auth, bytes, out int length))
            {
                throw Invalid(Origin, $"the \"auth\" of \"{key}\" is not base64", null);
            }

            string pair = Encoding.UTF8.GetString(bytes, 0, length);
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
            {
                throw Invalid(Origin, $"the \"auth\" of \"{key}\" is not USER:PASSWORD in base64", null);
            }

            user = pair[..colon];
            password = pair[(colon + 1)..].Trim('\0');
        }

        return user.Length == 0 && entry.IdentityToken is null or "" && entry.RegistryToken is null or ""
            ? null
            : new RegistryCredential
            {
                UserName = user,
                Password = password,
                IdentityToken = string.IsNullOrEmpty(entry.IdentityToken) ? null : entry.IdentityToken,
                RegistryToken = string.IsNullOrEmpty(entry.RegistryToken) ? null : entry.RegistryToken,
                Origin = Origin,
            };
    }

    private static RegistryException Invalid(string origin, string cause, Exception? inner) =>
        new(RegistryFailure.Configuration, $"read credentials from \"{origin}\": {cause}", inner)
        {
            Hint = "correct or remove the file; `bld login` writes a new one",
        };
}
