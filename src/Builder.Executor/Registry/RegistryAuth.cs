// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Builder.Executor.Registry;

/// <summary>
/// Permission to talk to one registry: learns from its 401 what it wants, and keeps one bearer token a scope. Source:
/// distribution-spec "Authentication"; distribution, token and OAuth2 specifications.
/// </summary>
internal sealed class RegistryAuth : IDisposable
{
    private const string ClientId = "bld";

    /// <summary>What the token specification says a token without expires_in is good for.</summary>
    private static readonly TimeSpan s_defaultLife = TimeSpan.FromSeconds(60);

    /// <summary>A token this near to its end is not used for a new request.</summary>
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(10);

    private readonly string _registry;
    private readonly bool _isInsecure;
    private readonly CredentialStore _credentials;
    private readonly Func<Func<HttpRequestMessage>, CancellationToken, Task<HttpResponseMessage>> _send;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, Token> _tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _challengedScopes = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _fetching = new(1);
    private volatile AuthChallenge? _challenge;

    /// <summary>Creates the permission of one registry.</summary>
    /// <param name="registry">Its name, for credentials and messages.</param>
    /// <param name="isInsecure">Tokens may be asked for over plain http.</param>
    /// <param name="credentials">Where credentials are found.</param>
    /// <param name="send">Sends a request to the token server, with retries.</param>
    /// <param name="time">The clock.</param>
    public RegistryAuth(
        string registry,
        bool isInsecure,
        CredentialStore credentials,
        Func<Func<HttpRequestMessage>, CancellationToken, Task<HttpResponseMessage>> send,
        TimeProvider time)
    {
        _registry = registry;
        _isInsecure = isInsecure;
        _credentials = credentials;
        _send = send;
        _time = time;
    }

    /// <summary>Adds what is known to be needed to a request.</summary>
    public async Task ApplyAsync(
        HttpRequestMessage request, AuthScope scope, string repository, CancellationToken cancellationToken)
    {
        if (_challenge is not { } challenge)
        {
            return;
        }

        RegistryCredential? credential =
            await _credentials.FindAsync(_registry, repository, cancellationToken).ConfigureAwait(false);
        if (challenge.Scheme == "basic")
        {
            request.Headers.Authorization = credential is { UserName.Length: > 0 }
                ? new AuthenticationHeaderValue("Basic", credential.ToBasic())
                : null;
            return;
        }

        string token = credential?.RegistryToken
            ?? await TokenAsync(challenge, scope, credential, request.RequestUri!, cancellationToken).ConfigureAwait(false);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Learns from a 401. True when the request is worth sending again.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="scope">What the request needed.</param>
    /// <param name="isFirst">The request has not been repeated yet.</param>
    public bool Learn(HttpResponseMessage response, AuthScope scope, bool isFirst)
    {
        ImmutableArray<AuthChallenge> challenges =
            AuthChallenge.ParseAll(response.Headers.WwwAuthenticate.Select(value => value.ToString()));
        AuthChallenge? challenge = challenges.FirstOrDefault(c => c.Scheme == "bearer" && c.Realm is not null)
            ?? challenges.FirstOrDefault(c => c.Scheme == "basic");
        if (challenge is null || !isFirst)
        {
            return false;
        }

        bool wasSent = response.RequestMessage?.Headers.Authorization is not null;
        if (wasSent && challenge.Scheme == "basic")
        {
            return false;
        }

        if (challenge.Scope is { Length: > 0 } wanted)
        {
            _challengedScopes[scope.Key] = wanted;
        }

        _challenge = challenge;
        _tokens.TryRemove(scope.Key, out _);
        return true;
    }

    public void Dispose() => _fetching.Dispose();

    private async Task<string> TokenAsync(
        AuthChallenge challenge, AuthScope scope, RegistryCredential? credential, Uri url, CancellationToken cancellationToken)
    {
        if (Cached(scope) is { } cached)
        {
            return cached;
        }

        await _fetching.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Cached(scope) is { } meanwhile)
            {
                return meanwhile;
            }

            AuthScope wanted = scope.With(_challengedScopes.GetValueOrDefault(scope.Key));
            Token token = await FetchAsync(challenge, wanted, credential, url, cancellationToken).ConfigureAwait(false);
            _tokens[scope.Key] = token;
            return token.Value;
        }
        finally
        {
            _fetching.Release();
        }
    }

    private string? Cached(AuthScope scope) =>
        _tokens.TryGetValue(scope.Key, out Token token) && token.Expires - s_margin > _time.GetUtcNow() ? token.Value : null;

    private async Task<Token> FetchAsync(
        AuthChallenge challenge, AuthScope scope, RegistryCredential? credential, Uri url, CancellationToken cancellationToken)
    {
        Uri realm = CheckRealm(challenge, url);
        DateTimeOffset asked = _time.GetUtcNow();
        HttpResponseMessage response = credential?.IdentityToken is not null
            ? await _send(() => OAuthRequest(realm, challenge, scope, credential), cancellationToken).ConfigureAwait(false)
            : await _send(() => TokenRequest(realm, challenge, scope, credential), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed && credential is not null)
        {
            // Some servers know only one of the two forms.
            response.Dispose();
            response = await _send(
                () => credential.IdentityToken is null
                    ? OAuthRequest(realm, challenge, scope, credential)
                    : TokenRequest(realm, challenge, scope, credential with { UserName = "<token>", Password = credential.IdentityToken }),
                cancellationToken).ConfigureAwait(false);
        }

        if (!response.IsSuccessStatusCode)
        {
            throw await RefusedAsync(response, credential, cancellationToken).ConfigureAwait(false);
        }

        using (response)
        {
            return await ReadAsync(response, realm, asked, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<RegistryException> RefusedAsync(
        HttpResponseMessage response, RegistryCredential? credential, CancellationToken cancellationToken)
    {
        RegistryException refused = await RegistryErrors.FromResponseAsync(
            response, $"log in to {_registry}", RegistryFailure.Refused, cancellationToken).ConfigureAwait(false);
        return credential is null || refused.Reason is not (RegistryFailure.Unauthorized or RegistryFailure.Denied)
            ? refused
            : new RegistryException(refused.Reason, refused.Message)
            {
                StatusCode = refused.StatusCode,
                Errors = refused.Errors,
                Url = refused.Url,
                Hint = $"the credentials from {credential.Origin} were refused: bld login {_registry}",
            };
    }

    /// <summary>A token server is named by the registry: it may not bring credentials down from https to http.</summary>
    private Uri CheckRealm(AuthChallenge challenge, Uri url)
    {
        if (!Uri.TryCreate(url, challenge.Realm, out Uri? realm) || realm.UserInfo.Length > 0
            || !(realm.Scheme == Uri.UriSchemeHttps || (realm.Scheme == Uri.UriSchemeHttp && _isInsecure)))
        {
            throw new RegistryException(
                RegistryFailure.InvalidResponse,
                $"log in to {_registry}: the registry names a token server that is not https: "
                    + (realm is null ? "unreadable address" : RedactedUrl.Of(realm)));
        }

        return realm;
    }

    private static HttpRequestMessage TokenRequest(
        Uri realm, AuthChallenge challenge, AuthScope scope, RegistryCredential? credential)
    {
        List<string> query = [];
        if (challenge.Service is not null)
        {
            query.Add("service=" + Uri.EscapeDataString(challenge.Service));
        }

        query.AddRange(scope.Scopes.Select(s => "scope=" + Uri.EscapeDataString(s)));
        HttpRequestMessage request = new();
        if (credential is { UserName.Length: > 0 })
        {
            query.Add("account=" + Uri.EscapeDataString(credential.UserName));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", credential.ToBasic());
        }

        UriBuilder url = new(realm);
        url.Query = url.Query.Length > 1 ? url.Query[1..] + "&" + string.Join('&', query) : string.Join('&', query);
        request.RequestUri = url.Uri;
        return request;
    }

    private static HttpRequestMessage OAuthRequest(
        Uri realm, AuthChallenge challenge, AuthScope scope, RegistryCredential credential)
    {
        List<KeyValuePair<string, string>> form =
        [
            new("service", challenge.Service ?? ""),
            new("client_id", ClientId),
            new("scope", scope.Key),
        ];
        if (credential.IdentityToken is not null)
        {
            form.Add(new("grant_type", "refresh_token"));
            form.Add(new("refresh_token", credential.IdentityToken));
        }
        else
        {
            form.Add(new("grant_type", "password"));
            form.Add(new("username", credential.UserName));
            form.Add(new("password", credential.Password));
        }

        return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
    }

    private async Task<Token> ReadAsync(
        HttpResponseMessage response, Uri realm, DateTimeOffset asked, CancellationToken cancellationToken)
    {
        byte[]? body = await BoundedReader.ReadAllAsync(response.Content, RegistryLimits.MaxTokenBytes, cancellationToken)
            .ConfigureAwait(false);
        TokenJson? json = null;
        try
        {
            json = body is null ? null : JsonSerializer.Deserialize(body, RegistryJson.Default.TokenJson);
        }
        catch (JsonException)
        {
            // Reported below, without the body: it may hold the token.
        }

        string? value = string.IsNullOrEmpty(json?.Token) ? json?.AccessToken : json.Token;
        if (string.IsNullOrEmpty(value) || value.Any(c => c is < '!' or > '~'))
        {
            throw new RegistryException(
                RegistryFailure.InvalidResponse, $"log in to {_registry}: {realm.Authority} answered without a token");
        }

        double seconds = Math.Clamp(json?.ExpiresIn ?? 0, 0, TimeSpan.FromDays(1).TotalSeconds);
        TimeSpan life = TimeSpan.FromSeconds(seconds);
        return new Token(value, asked + (life < s_defaultLife ? s_defaultLife : life));
    }

    private readonly record struct Token(string Value, DateTimeOffset Expires)
    {
        public override string ToString() => "token";
    }
}
