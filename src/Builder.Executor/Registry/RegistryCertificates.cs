// SPDX-License-Identifier: Apache-2.0

using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Builder.Executor.Registry;

/// <summary>
/// The certificates of one registry: CAs (*.crt) that are trusted beside the system's, and client certificates
/// (*.cert with *.key). Source: docker, "Verify repository client with certificates".
/// </summary>
internal static class RegistryCertificates
{
    /// <summary>The TLS options for a host.</summary>
    /// <exception cref="RegistryException">A certificate file cannot be read.</exception>
    public static SslClientAuthenticationOptions For(string authority, bool isInsecure, RegistryOptions options)
    {
        SslClientAuthenticationOptions tls = new();
        X509Certificate2Collection authorities = [];
        X509Certificate2Collection clients = [];
        foreach (string directory in Directories(authority, options))
        {
            Load(directory, authorities, clients);
        }

        if (clients.Count > 0)
        {
            tls.ClientCertificates = clients;
        }

        if (isInsecure)
        {
            // Asked for by --tls-verify=false or registries.conf, or a registry on this very machine.
#pragma warning disable CA5359
            tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (authorities.Count > 0)
        {
            tls.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors == SslPolicyErrors.None
                || (errors == SslPolicyErrors.RemoteCertificateChainErrors
                    && IsTrusted(certificate, chain, authorities));
        }

        return tls;
    }

    private static bool IsTrusted(X509Certificate? certificate, X509Chain? presented, X509Certificate2Collection authorities)
    {
        if (certificate is not X509Certificate2 leaf)
        {
            return false;
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1", "serverAuth"));
        foreach (X509ChainElement element in presented?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return chain.Build(leaf);
    }

    private static IEnumerable<string> Directories(string authority, RegistryOptions options)
    {
        if (options.CertificateDirectory is { } given)
        {
            yield return given;
        }

        if (authority.Contains('/', StringComparison.Ordinal) || authority.StartsWith('.'))
        {
            yield break;
        }

        string? home = options.Variable("HOME");
        IEnumerable<string> roots = home is null
            ? options.CertificateRoots
            : options.CertificateRoots.Prepend(Path.Combine(home, ".config", "containers", "certs.d"));
        string? found = roots.Select(root => Path.Combine(root, authority)).FirstOrDefault(Directory.Exists);
        if (found is not null)
        {
            yield return found;
        }
    }

    private static void Load(
        string directory, X509Certificate2Collection authorities, X509Certificate2Collection clients)
    {
        string current = directory;
        try
        {
            foreach (string file in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
            {
                current = file;
                if (file.EndsWith(".crt", StringComparison.Ordinal))
                {
                    authorities.ImportFromPemFile(file);
                }
                else if (file.EndsWith(".cert", StringComparison.Ordinal))
                {
                    clients.Add(X509Certificate2.CreateFromPemFile(file, Path.ChangeExtension(file, ".key")));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new RegistryException(
                RegistryFailure.Configuration, $"read the certificates of a registry from \"{current}\": {e.Message}", e)
            {
                Hint = "every NAME.cert needs its NAME.key beside it, both in PEM",
            };
        }
    }
}
