// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Registry;

/// <summary>
/// A registry and a repository as credentials files name them. Hosts match exactly, port included: <c>quay.io</c> is
/// neither <c>quay.io.evil.example</c> nor <c>quay.io:8443</c>.
/// </summary>
internal sealed class RegistryName
{
    /// <summary>What <see cref="Match"/> gives for a key that names the host and no path.</summary>
    public const int HostMatch = 1;

    /// <summary>The key under which docker keeps Docker Hub's credentials.</summary>
    public const string DockerHubKey = "https://index.docker.io/v1/";

    private static readonly string[] s_dockerHub = [RegistryEndpoint.DockerHub, "index.docker.io", RegistryEndpoint.DockerHubApi];

    private readonly string _registry;
    private readonly string _repository;

    public RegistryName(string registry, string repository = "")
    {
        _registry = registry;
        _repository = repository;
    }

    /// <summary>The registry that somebody means by <c>https://HOST/v1/</c>, <c>HOST/</c> or an alias of Docker Hub.</summary>
    public static string Normalise(string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        string host = (scheme < 0 ? text : text[(scheme + 3)..]).Split('/')[0];
        return IsDockerHub(host) ? RegistryEndpoint.DockerHub : host;
    }

    /// <summary>The key to write, and what helpers are asked for.</summary>
    public string Key => IsDockerHub(_registry) ? DockerHubKey : _registry;

    /// <summary>
    /// 0 when a key is about something else, <see cref="HostMatch"/> when it names the host, more the longer the path
    /// that it shares with the repository.
    /// </summary>
    public int Match(string key)
    {
        ReadOnlySpan<char> rest = key;
        foreach (string scheme in (ReadOnlySpan<string>)["https://", "http://"])
        {
            if (rest.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                rest = rest[scheme.Length..];
            }
        }

        int slash = rest.IndexOf('/');
        string host = (slash < 0 ? rest : rest[..slash]).ToString();
        string path = slash < 0 ? "" : rest[slash..].Trim('/').ToString();
        if (!SameHost(host))
        {
            return 0;
        }

        if (path is "" or "v1" or "v2")
        {
            return HostMatch;
        }

        return _repository.Equals(path, StringComparison.Ordinal)
            || (_repository.StartsWith(path, StringComparison.Ordinal) && _repository[path.Length] == '/')
            ? HostMatch + path.Length
            : 0;
    }

    private bool SameHost(string host) =>
        host.Equals(_registry, StringComparison.OrdinalIgnoreCase) || (IsDockerHub(host) && IsDockerHub(_registry));

    private static bool IsDockerHub(string host) => s_dockerHub.Contains(host, StringComparer.OrdinalIgnoreCase);
}
