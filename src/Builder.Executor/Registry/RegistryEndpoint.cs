// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Registry;

/// <summary>Where a repository is found: a host to talk to and the repository's path there.</summary>
internal sealed record RegistryEndpoint
{
    /// <summary>Docker Hub's name in references.</summary>
    public const string DockerHub = "docker.io";

    /// <summary>The host that serves Docker Hub's API.</summary>
    public const string DockerHubApi = "registry-1.docker.io";

    /// <summary>The registry's name, by which credentials are found: <c>docker.io</c>, <c>mirror.example:5000</c>.</summary>
    public required string Registry { get; init; }

    /// <summary>The path below <c>/v2/</c>.</summary>
    public required string Repository { get; init; }

    /// <summary>Certificates are not verified and plain http is permitted.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>A mirror: its failures lead to the next endpoint.</summary>
    public bool IsMirror { get; init; }

    /// <summary>Host and port to connect to.</summary>
    public string Authority => ApiHost(Registry);

    /// <summary>The host that serves the API of a registry's name.</summary>
    public static string ApiHost(string registry) =>
        registry is DockerHub or "index.docker.io" ? DockerHubApi : registry;

    /// <summary>REGISTRY/REPOSITORY, as messages name it.</summary>
    public override string ToString() => $"{Registry}/{Repository}";

    /// <summary>
    /// True for hosts that are this machine by their spelling alone; a name that merely resolves to a loopback address
    /// does not count.
    /// </summary>
    public static bool IsLoopback(string authority)
    {
        string host = HostOf(authority);
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (System.Net.IPAddress.TryParse(host, out System.Net.IPAddress? address)
                && System.Net.IPAddress.IsLoopback(address));
    }

    private static string HostOf(string authority)
    {
        if (authority.StartsWith('['))
        {
            int end = authority.IndexOf(']', StringComparison.Ordinal);
            return end < 0 ? authority : authority[1..end];
        }

        int colon = authority.LastIndexOf(':');
        return colon < 0 ? authority : authority[..colon];
    }
}
