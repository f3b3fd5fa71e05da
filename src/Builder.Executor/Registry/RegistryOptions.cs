// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Registry;

/// <summary>How registries are reached: what the command line, the environment and the machine's files say.</summary>
public sealed record RegistryOptions
{
    /// <summary>
    /// <c>--tls-verify</c>: null is the default (verify, but plain http to this machine and to registries that
    /// registries.conf calls insecure); true always verifies; false never does and permits plain http.
    /// </summary>
    public bool? TlsVerify { get; init; }

    /// <summary><c>--registry-mirror</c> as given: NAME=HOST[:PORT][/PATH] with or without a scheme; NAME is docker.io
    /// when it is left out.</summary>
    public ImmutableArray<string> Mirrors { get; init; } = [];

    /// <summary><c>--insecure-registry</c>: hosts for which certificates do not matter.</summary>
    public ImmutableArray<string> InsecureRegistries { get; init; } = [];

    /// <summary><c>--creds USER[:PASSWORD]</c>, sent to <see cref="CredentialRegistry"/> alone.</summary>
    public RegistryCredential? Credential { get; init; }

    /// <summary>The registry that <see cref="Credential"/> is for; for it, no file is read.</summary>
    public string? CredentialRegistry { get; init; }

    /// <summary><c>--authfile</c>: the only credentials file that is read.</summary>
    public string? AuthFile { get; init; }

    /// <summary><c>--cert-dir</c>: certificates for every registry, before the machine's.</summary>
    public string? CertificateDirectory { get; init; }

    /// <summary>The registries.conf to read; null is the machine's usual place, "" none.</summary>
    public string? RegistriesFile { get; init; }

    /// <summary>Folders of per-host certificates, the first that has the host wins. Source: docker's certs.d.</summary>
    public ImmutableArray<string> CertificateRoots { get; init; } = ["/etc/docker/certs.d", "/etc/containers/certs.d"];

    /// <summary><c>--retry</c>: how often a transient failure is tried again.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>The first pause before a retry; it doubles, with jitter.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Blobs that one registry is sent or asked for at the same time.</summary>
    public int TransfersPerRegistry { get; init; } = 4;

    /// <summary>Environment variables; null reads the process's own.</summary>
    public Func<string, string?>? Environment { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal string? Variable(string name) =>
        (Environment is null ? System.Environment.GetEnvironmentVariable(name) : Environment(name)) is { Length: > 0 } value
            ? value
            : null;
}
