// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Builder.Executor.Registry;

/// <summary>Source: distribution-spec, "Error Codes".</summary>
internal sealed record ErrorListJson(
    [property: JsonPropertyName("errors")] List<ErrorJson>? Errors,
    [property: JsonPropertyName("details")] string? Details);

internal sealed record ErrorJson(
    [property: JsonPropertyName("code")] string? Code,
    [property: JsonPropertyName("message")] string? Message,
    [property: JsonPropertyName("detail")] JsonElement? Detail);

/// <summary>Source: distribution, token specification "Token Response Fields".</summary>
internal sealed record TokenJson(
    [property: JsonPropertyName("token")] string? Token,
    [property: JsonPropertyName("access_token")] string? AccessToken,
    [property: JsonPropertyName("expires_in")] double? ExpiresIn,
    [property: JsonPropertyName("refresh_token")] string? RefreshToken);

/// <summary>Source: distribution-spec, "Listing Tags".</summary>
internal sealed record TagListJson(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("tags")] List<string>? Tags);

/// <summary>docker's config.json and containers' auth.json, as far as credentials go.</summary>
internal sealed record CredentialFileJson
{
    [JsonPropertyName("auths")]
    public Dictionary<string, CredentialEntryJson?>? Auths { get; init; }

    [JsonPropertyName("credHelpers")]
    public Dictionary<string, string>? CredHelpers { get; init; }

    [JsonPropertyName("credsStore")]
    public string? CredsStore { get; init; }
}

internal sealed record CredentialEntryJson
{
    [JsonPropertyName("auth")]
    public string? Auth { get; init; }

    [JsonPropertyName("username")]
    public string? UserName { get; init; }

    [JsonPropertyName("password")]
    public string? Password { get; init; }

    [JsonPropertyName("identitytoken")]
    public string? IdentityToken { get; init; }

    [JsonPropertyName("registrytoken")]
    public string? RegistryToken { get; init; }
}

/// <summary>What a credential helper reads and writes. Source: docker-credential-helpers, credentials.go.</summary>
internal sealed record HelperCredentialJson(
    [property: JsonPropertyName("ServerURL")] string? ServerUrl,
    [property: JsonPropertyName("Username")] string? UserName,
    [property: JsonPropertyName("Secret")] string? Secret);

[JsonSerializable(typeof(ErrorListJson))]
[JsonSerializable(typeof(TokenJson))]
[JsonSerializable(typeof(TagListJson))]
[JsonSerializable(typeof(CredentialFileJson))]
[JsonSerializable(typeof(HelperCredentialJson))]
[JsonSourceGenerationOptions(AllowTrailingCommas = true, ReadCommentHandling = JsonCommentHandling.Skip)]
internal sealed partial class RegistryJson : JsonSerializerContext;
