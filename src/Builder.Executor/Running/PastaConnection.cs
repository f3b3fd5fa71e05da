// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>
/// The outside for a network namespace, served by pasta (package <c>passt</c>): it translates between an interface
/// inside and ordinary sockets outside. The process ends with this object, and with us.
/// </summary>
internal sealed class PastaConnection : IDisposable
{
    /// <summary>The address inside at which the machine's own name server answers.</summary>
    public const string ResolverAddress = "169.254.1.1";

    private const string Program = "pasta";
    private const int ReadyPollMilliseconds = 2;
    private const int ReadyTimeoutMilliseconds = 5000;

    private readonly SpawnedProcess _process;

    private PastaConnection(SpawnedProcess process)
    {
        _process = process;
    }

    /// <summary>True when the machine has pasta and lets us use the device that it needs.</summary>
    public static bool IsAvailable => ProcessStarter.FindInPath(Program) is not null && CanOpenDevice();

    /// <summary>Connects the network namespace of a process; false when pasta could not do it.</summary>
    public static bool TryConnect(int pid, [NotNullWhen(true)] out PastaConnection? connection)
    {
        connection = null;
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net");
        using SafeFileHandle network = File.OpenHandle(path);
        using SafeFileHandle nothing = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);

        // By descriptor: pasta gives up the capability that opening the path of a foreign process takes.
        ProcessRequest request = new(
            Program,
            "--foreground", "--quiet", "--config-net", "--runas", "0:0", "--netns-only", "--no-map-gw",
            "--dns-forward", ResolverAddress, "-t", "none", "-u", "none", "-T", "none", "-U", "none",
            "--netns", "/proc/self/fd/3")
        {
            PassedDescriptors = [(int)network.DangerousGetHandle()],
        };
        SpawnedProcess process;
        try
        {
            process = ProcessStarter.Start(request, nothing, nothing, nothing);
        }
        catch (SandboxException)
        {
            return false;
        }

        connection = new PastaConnection(process);
        if (connection.AwaitRoute(pid))
        {
            return true;
        }

        connection.Dispose();
        connection = null;
        return false;
    }

    /// <summary>Ends the connection.</summary>
    public void Dispose() => _process.Dispose();

    private static bool CanOpenDevice()
    {
        try
        {
            using SafeFileHandle device = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>pasta says nothing when it is ready: a default route is there then.</summary>
    private bool AwaitRoute(int pid)
    {
        string routes = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/net/route");
        string routes6 = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/net/ipv6_route");
        long deadline = Environment.TickCount64 + ReadyTimeoutMilliseconds;
        while (Environment.TickCount64 < deadline)
        {
            if (HasDefault(routes, "\t00000000\t") || HasDefault(routes6, "00000000000000000000000000000000 00 "))
            {
                return true;
            }

            if (_process.WaitFor(ReadyPollMilliseconds))
            {
                return false;
            }
        }

        return false;
    }

    private static bool HasDefault(string path, string destination)
    {
        try
        {
            return File.ReadLines(path).Any(line =>
                line.Contains(destination, StringComparison.Ordinal) && !line.TrimEnd().EndsWith("lo", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }
}

/// <summary>What networks this machine can give to containers.</summary>
public static class NetworkDescription
{
    /// <summary>In words, for <c>info</c>.</summary>
    public static string Current => PastaConnection.IsAvailable
        ? "private (pasta)"
        : "host; private without access to the outside (that takes the package passt and the right to use /dev/net/tun)";
}
