// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Executor.Registry;

namespace Builder.Cli.CommandLine;

/// <summary>The options of every command that talks to registries.</summary>
internal sealed class RegistryFlags
{
    private readonly Option<string[]> _mirror = OptionFactory.List(
        "--registry-mirror", "[NAME=]HOST", "Ask this host for images of registry NAME (default docker.io)");

    private readonly Option<string[]> _insecure = OptionFactory.List(
        "--insecure-registry", "HOST", "Accept any certificate, or none, from this registry");

    private readonly Option<bool?> _tlsVerify = new("--tls-verify")
    {
        Description = "Verify certificates (default true, but plain http to this machine)",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _authFile = OptionFactory.Text(
        "--authfile", "FILE", "Read credentials only from here");

    private readonly Option<string?> _certDir = OptionFactory.Text(
        "--cert-dir", "DIR", "Certificates for every registry");

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_mirror, _insecure, _tlsVerify, _authFile, _certDir])
        {
            command.Add(option);
        }
    }

    /// <summary>Their values.</summary>
    public RegistryOptions Read(ParseResult parsed, CliContext cli) => new()
    {
        Mirrors = [.. parsed.GetValue(_mirror) ?? []],
        InsecureRegistries = [.. parsed.GetValue(_insecure) ?? []],
        TlsVerify = parsed.GetValue(_tlsVerify),
        AuthFile = parsed.GetValue(_authFile),
        CertificateDirectory = parsed.GetValue(_certDir),
        Time = cli.Time,
    };
}
