// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.Sandbox;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>What a RUN step sees at /etc/resolv.conf and /etc/hosts. As in BuildKit, /etc/hostname is the image's own.</summary>
internal static class StepNetworkFiles
{
    private const string ResolverPath = "/etc/resolv.conf";
    private const string HostsPath = "/etc/hosts";
    private const int FileMode = 0b110_100_100;

    /// <summary>The paths, to prepare mount points.</summary>
    public static ImmutableArray<string> Paths => [ResolverPath, HostsPath];

    /// <summary>The files for a step.</summary>
    public static ImmutableArray<SandboxFile> Create(RunOperation operation)
    {
        byte[] resolver = File.Exists(ResolverPath) ? File.ReadAllBytes(ResolverPath) : [];
        return
        [
            new SandboxFile(ResolverPath, resolver, FileMode, 0, 0),
            new SandboxFile(HostsPath, Encoding.UTF8.GetBytes(Hosts(operation)), FileMode, 0, 0),
        ];
    }

    private static string Hosts(RunOperation operation)
    {
        var text = new StringBuilder("127.0.0.1\tlocalhost ").Append(operation.Hostname).Append('\n');
        text.Append("::1\tlocalhost ip6-localhost ip6-loopback\n");
        foreach (HostEntry entry in operation.ExtraHosts)
        {
            // The step is on the host's network: the host's own address is the loopback.
            string address = entry.Address == "host-gateway" ? "127.0.0.1" : entry.Address.Trim('[', ']');
            text.Append(address).Append('\t').Append(entry.Name).Append('\n');
        }

        return text.ToString();
    }
}
