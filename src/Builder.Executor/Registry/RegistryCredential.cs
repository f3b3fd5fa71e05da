// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Executor.Registry;

/// <summary>What opens a registry. It prints as nothing, so that no message can leak it.</summary>
public sealed record RegistryCredential
{
    /// <summary>The user name; "" when there is only a token.</summary>
    public string UserName { get; init; } = "";

    /// <summary>The password or personal access token.</summary>
    public string Password { get; init; } = "";

    /// <summary>An OAuth2 refresh token, exchanged for access tokens.</summary>
    public string? IdentityToken { get; init; }

    /// <summary>A bearer token that is sent as it is.</summary>
    public string? RegistryToken { get; init; }

    /// <summary>Where it was found, for messages.</summary>
    public string Origin { get; init; } = "the command line";

    /// <summary>Parses <c>USER[:PASSWORD]</c>.</summary>
    public static RegistryCredential Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0
            ? new RegistryCredential { UserName = text }
            : new RegistryCredential { UserName = text[..colon], Password = text[(colon + 1)..] };
    }

    internal string ToBasic() => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{UserName}:{Password}"));

    /// <summary>Only where it comes from.</summary>
    public override string ToString() => $"credentials from {Origin}";
}
