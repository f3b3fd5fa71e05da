// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Executor.Running;

/// <summary>The files that a container gets beside its image: /etc/hosts, /etc/hostname, /etc/resolv.conf.</summary>
internal static class ContainerFiles
{
    private const int ReadableByAll = 0b110_100_100;
    private const string LocalAddresses = """
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::	ip6-localnet
        ff00::	ip6-mcastprefix
        ff02::1	ip6-allnodes
        ff02::2	ip6-allrouters

        """;

    /// <summary>The files of a container.</summary>
    public static ImmutableArray<SandboxFile> Create(ContainerRecord container, bool sharesNetwork)
    {
        List<SandboxFile> files =
        [
            File("/etc/hostname", container.Hostname + "\n"),
            File("/etc/hosts", Hosts(container, sharesNetwork)),
        ];
        if (container.Network != ContainerNetwork.None && ResolverText(sharesNetwork) is { } resolver)
        {
            files.Add(File("/etc/resolv.conf", resolver));
        }

        return [.. files];
    }

    /// <summary>The container's root as a tree in which no path leads out.</summary>
    public static SafeFileTree OpenRoot(DetachedMount root) =>
        new(AtCalls.Open((int)root.Handle.DangerousGetHandle(), "."u8, OpenFlags.DirectoryPath));

    /// <summary>A text file of a tree; "" when it is missing or not a file.</summary>
    public static string ReadText(SafeFileTree tree, string path)
    {
        using FileDescriptor? file = tree.TryOpen(
            PathEncoding.Encode(path), OpenFlags.ReadOnly | OpenFlags.NonBlock | OpenFlags.CloseOnExec);
        if (file is null || !AtCalls.Stat(file.Value, []).IsRegular)
        {
            return "";
        }

        byte[] buffer = new byte[UserDatabase.MaxFileBytes];
        using FileStream stream = new(file.Release(), FileAccess.Read, 0);
        int count = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(buffer, 0, count);
    }

    private static SandboxFile File(string target, string text) =>
        new(target, Encoding.UTF8.GetBytes(text), ReadableByAll, 0, 0);

    private static string Hosts(ContainerRecord container, bool sharesNetwork)
    {
        StringBuilder text = new(LocalAddresses);
        text.Append("127.0.1.1\t").Append(container.Hostname).Append('\n');
        foreach (HostEntry host in container.ExtraHosts)
        {
            bool isGateway = host.Address == "host-gateway";
            if (isGateway && !sharesNetwork)
            {
                throw new RunException(RunFailure.NotStarted, $"add host {host.Name}: the host has no address in this network")
                {
                    Hint = "host-gateway needs --network host",
                };
            }

            text.Append(isGateway ? "127.0.0.1" : host.Address).Append('\t').Append(host.Name).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>
    /// The machine's resolv.conf; name servers on its loopback cannot be reached from a network of its own, where pasta
    /// forwards one address to them.
    /// </summary>
    private static string? ResolverText(bool sharesNetwork)
    {
        const string Path = "/etc/resolv.conf";
        if (!System.IO.File.Exists(Path))
        {
            return null;
        }

        string[] lines = System.IO.File.ReadAllLines(Path);
        string[] servers = [.. lines.Where(line => line.StartsWith("nameserver", StringComparison.Ordinal))];
        bool isLocal = servers.Length > 0 && servers.All(line =>
            line["nameserver".Length..].Trim() is { } address
            && (address.StartsWith("127.", StringComparison.Ordinal) || address == "::1"));
        return sharesNetwork || !isLocal
            ? string.Join('\n', lines) + "\n"
            : string.Join('\n', lines.Except(servers).Prepend($"nameserver {PastaConnection.ResolverAddress}")) + "\n";
    }
}
