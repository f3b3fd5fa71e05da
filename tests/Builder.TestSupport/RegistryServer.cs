// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Builder.TestSupport.Registry;

namespace Builder.TestSupport;

/// <summary>A real registry (Debian's docker-registry) on a free port of loopback, its files in a directory of its own.</summary>
public sealed class RegistryServer : IDisposable
{
    public const string UserName = "ada";
    public const string Password = "s3cret:pass";

    /// <summary>bcrypt of <see cref="Password"/>.</summary>
    private const string HtPasswd = UserName + ":$2y$05$abcdefghijklmnopqrstuuKqhJSfTIYV1SkiVqP0GjQATd/vnrS1a\n";

    private readonly TemporaryDirectory _directory = new("bld-registry-");
    private readonly Process _process;

    public RegistryServer(string? htpasswd = null)
        : this(htpasswd, null, null)
    {
    }

    private RegistryServer(string? htpasswd, TokenServer? tokens, string? tlsDirectory)
    {
        int port = FreePort();
        Address = $"127.0.0.1:{port}";
        string auth = "";
        if (htpasswd is not null)
        {
            string file = _directory.Write("htpasswd", htpasswd);
            auth = $"auth: {{htpasswd: {{realm: test, path: {file}}}}}\n";
        }

        if (tokens is not null)
        {
            string bundle = _directory.Write("tokens.pem", tokens.CertificatePem);
            auth = $"auth: {{token: {{realm: '{tokens.Realm}', service: {TokenServer.Service}, "
                + $"issuer: {TokenServer.Issuer}, rootcertbundle: {bundle}}}}}\n";
        }

        string tls = tlsDirectory is null
            ? ""
            : $", tls: {{certificate: {tlsDirectory}/server.crt, key: {tlsDirectory}/server.key}}";
        string config = _directory.Write("config.yml", $$$"""
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: {{{_directory["data"]}}} }, delete: {enabled: true}}
            http: {addr: {{{Address}}}{{{tls}}} }

            """ + auth);
        _process = new Command("docker-registry", "serve", config).Start();
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        WaitForPort(port);
        Port = port;
    }

    public int Port { get; }

    /// <summary>HOST:PORT.</summary>
    public string Address { get; }

    /// <summary>A registry that wants the password of <see cref="UserName"/>.</summary>
    public static RegistryServer WithBasicAuth() => new(HtPasswd);

    /// <summary>A registry that wants the tokens of a token server.</summary>
    public static RegistryServer WithTokens(TokenServer tokens) => new(null, tokens, null);

    /// <summary>A registry that speaks TLS with server.crt and server.key of a directory.</summary>
    public static RegistryServer WithTls(string directory) => new(null, null, directory);

    /// <summary>A port of loopback that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Waits until somebody listens on a port of loopback.</summary>
    public static void WaitForPort(int port)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                using var client = new TcpClient("127.0.0.1", port);
                return;
            }
            catch (SocketException) when (attempt < 100)
            {
                Thread.Sleep(100);
            }
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }
}
