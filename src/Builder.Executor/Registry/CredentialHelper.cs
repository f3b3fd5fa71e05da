// SPDX-License-Identifier: Apache-2.0

using System.Text;
using System.Text.Json;

namespace Builder.Executor.Registry;

/// <summary>What a helper program answered.</summary>
internal sealed record HelperResult(int ExitCode, string Output);

/// <summary>Runs PROGRAM ARGUMENT with bytes on its standard input and collects its standard output.</summary>
/// <returns>Null when there is no such program.</returns>
internal delegate Task<HelperResult?> HelperRunner(
    string program, string argument, ReadOnlyMemory<byte> input, CancellationToken cancellationToken);

/// <summary>
/// A docker-credential-NAME program: a keyring or a cloud's log-in. Source: docker-credential-helpers, "Development".
/// </summary>
internal sealed class CredentialHelper
{
    /// <summary>The user name with which a helper says that the secret is an identity token.</summary>
    private const string TokenUser = "<token>";

    private const string NotFoundMessage = "credentials not found";

    private readonly string _program;
    private readonly HelperRunner _run;

    public CredentialHelper(string name, HelperRunner run)
    {
        if (name.AsSpan().ContainsAnyExcept(s_nameCharacters) || name.StartsWith('-'))
        {
            throw new RegistryException(
                RegistryFailure.Configuration, $"credential helper \"{name}\": not a program name");
        }

        _program = "docker-credential-" + name;
        _run = run;
    }

    private static readonly System.Buffers.SearchValues<char> s_nameCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>The credential of a server, or null when the helper has none.</summary>
    public async Task<RegistryCredential?> GetAsync(string server, CancellationToken cancellationToken)
    {
        HelperResult result = await RunAsync("get", server, cancellationToken).ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            return result.Output.Contains(NotFoundMessage, StringComparison.Ordinal)
                ? null
                : throw Failed("get", result);
        }

        try
        {
            HelperCredentialJson? answer = JsonSerializer.Deserialize(result.Output, RegistryJson.Default.HelperCredentialJson);
            if (answer is null || string.IsNullOrEmpty(answer.UserName) || answer.Secret is null)
            {
                return null;
            }

            return answer.UserName == TokenUser
                ? new RegistryCredential { IdentityToken = answer.Secret, Origin = _program }
                : new RegistryCredential { UserName = answer.UserName, Password = answer.Secret, Origin = _program };
        }
        catch (JsonException e)
        {
            // The output may hold the secret: not a word of it in the message.
            throw new RegistryException(RegistryFailure.Configuration, $"{_program} get {server}: the answer is not JSON", e);
        }
    }

    /// <summary>Has the helper keep a credential.</summary>
    public async Task StoreAsync(string server, RegistryCredential credential, CancellationToken cancellationToken)
    {
        HelperCredentialJson entry = credential.IdentityToken is null
            ? new HelperCredentialJson(server, credential.UserName, credential.Password)
            : new HelperCredentialJson(server, TokenUser, credential.IdentityToken);
        string input = JsonSerializer.Serialize(entry, RegistryJson.Default.HelperCredentialJson);
        HelperResult result = await RunAsync("store", input, cancellationToken).ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            throw Failed("store", result);
        }
    }

    /// <summary>Has the helper forget a server; false when it did not know it.</summary>
    public async Task<bool> EraseAsync(string server, CancellationToken cancellationToken)
    {
        HelperResult result = await RunAsync("erase", server, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0
            || (result.Output.Contains(NotFoundMessage, StringComparison.Ordinal)
                ? false
                : throw Failed("erase", result));
    }

    private async Task<HelperResult> RunAsync(string action, string input, CancellationToken cancellationToken) =>
        await _run(_program, action, Encoding.UTF8.GetBytes(input), cancellationToken).ConfigureAwait(false)
        ?? throw new RegistryException(
            RegistryFailure.Configuration, $"{_program} {action}: there is no such program in PATH")
        {
            Hint = "install it, or take it out of credsStore and credHelpers in docker's config.json",
        };

    private RegistryException Failed(string action, HelperResult result)
    {
        string line = result.Output.Split('\n')[0].Trim();
        return new RegistryException(
            RegistryFailure.Configuration,
            $"{_program} {action}: exit status {result.ExitCode}{(line.Length is 0 or > 200 ? "" : ": " + line)}");
    }
}
