// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Web;

namespace Builder.TestSupport.Registry;

/// <summary>
/// A token server as docker's token specification describes it, with the GET and the OAuth2 form. Anybody may pull from
/// repositories under <c>public/</c>; <see cref="RegistryServer.UserName"/> may do everything.
/// </summary>
public sealed class TokenServer : IDisposable
{
    public const string Service = "test-registry";
    public const string Issuer = "test-issuer";
    public const string RefreshToken = "refresh-me";

    private readonly RSA _key = RSA.Create(2048);
    private readonly X509Certificate2 _certificate;
    private readonly HttpStub _http;

    public TokenServer()
    {
        CertificateRequest request = new("CN=test tokens", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1));
        _http = new HttpStub(Answer);
    }

    public string Realm => $"http://{_http.Authority}/token";

    public string CertificatePem => _certificate.ExportCertificatePem();

    /// <summary>The scopes of each request that got a token, with a space between them.</summary>
    public ConcurrentQueue<string> GrantedScopes { get; } = new();

    /// <summary>All requests.</summary>
    public ConcurrentQueue<string> Requests => _http.Requests;

    /// <summary>How long tokens say they live.</summary>
    public int ExpiresInSeconds { get; set; } = 300;

    /// <summary>Answers GET with 405, as servers do that only know OAuth2.</summary>
    public bool RefusesGet { get; set; }

    public void Dispose()
    {
        _http.Dispose();
        _certificate.Dispose();
        _key.Dispose();
    }

    private void Answer(HttpListenerContext context)
    {
        bool isPost = context.Request.HttpMethod == "POST";
        if (!isPost && RefusesGet)
        {
            HttpStub.Reply(context, 405);
            return;
        }

        string form = "";
        if (isPost)
        {
            using StreamReader reader = new(context.Request.InputStream);
            form = reader.ReadToEnd();
        }

        System.Collections.Specialized.NameValueCollection values =
            isPost ? HttpUtility.ParseQueryString(form) : context.Request.QueryString;
        bool? known = isPost ? KnowsForm(values) : KnowsBasic(context.Request.Headers["Authorization"]);
        if (known == false)
        {
            HttpStub.Reply(context, 401, """{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}""");
            return;
        }

        string[] scopes = (values.GetValues("scope") ?? [])
            .SelectMany(scope => scope.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        GrantedScopes.Enqueue(string.Join(' ', scopes));
        string token = Sign(scopes.Select(scope => Grant(scope, known == true)));
        string name = isPost ? "access_token" : "token";
        HttpStub.Reply(context, 200, $$"""{"{{name}}":"{{token}}","expires_in":{{ExpiresInSeconds}}}""");
    }

    private static bool? KnowsBasic(string? header) =>
        header is null
            ? null
            : header == "Basic " + Convert.ToBase64String(
                Encoding.UTF8.GetBytes($"{RegistryServer.UserName}:{RegistryServer.Password}"));

    private static bool KnowsForm(System.Collections.Specialized.NameValueCollection form) =>
        form["grant_type"] == "refresh_token"
            ? form["refresh_token"] == RefreshToken
            : form["username"] == RegistryServer.UserName && form["password"] == RegistryServer.Password;

    private static string Grant(string scope, bool isKnown)
    {
        string[] parts = scope.Split(':');
        string[] actions = parts[2].Split(',');
        if (!isKnown)
        {
            actions = parts[1].StartsWith("public/", StringComparison.Ordinal) ? actions.Intersect(["pull"]).ToArray() : [];
        }

        string list = string.Join(',', actions.Select(action => $"\"{action}\""));
        return $$"""{"type":"{{parts[0]}}","name":"{{parts[1]}}","actions":[{{list}}]}""";
    }

    private string Sign(IEnumerable<string> access)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string certificate = Convert.ToBase64String(_certificate.RawData);
        string header = $$"""{"typ":"JWT","alg":"RS256","x5c":["{{certificate}}"]}""";
        string claims = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"iss":"{{Issuer}}","sub":"","aud":"{{Service}}","exp":{{now + 600}},"nbf":{{now - 60}},"iat":{{now}},"jti":"{{Guid.NewGuid():N}}","access":[{{string.Join(',', access)}}]}""");
        string signed = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(claims))}";
        byte[] signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{signed}.{Encode(signature)}";
    }

    private static string Encode(byte[] bytes) =>
        Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
