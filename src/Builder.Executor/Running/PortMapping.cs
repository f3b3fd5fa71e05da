// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace Builder.Executor.Running;

/// <summary>One published port.</summary>
/// <param name="HostAddress">Where to listen; "" is every address.</param>
/// <param name="HostPort">The port outside; 0 lets the kernel choose.</param>
/// <param name="ContainerPort">The port inside.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
public sealed record PortMapping(string HostAddress, int HostPort, int ContainerPort, string Protocol)
{
    private const int MaxPort = 65535;

    /// <summary>Parses <c>[[IP:][HOST]:]CONTAINER[/PROTOCOL]</c>, each port a number or a range FROM-TO.</summary>
    /// <exception cref="RunException">Malformed.</exception>
    public static ImmutableArray<PortMapping> Parse(string text)
    {
        (string ports, string protocol) = SplitProtocol(text);
        (string address, string host, string container) = SplitParts(text, ports);
        (int containerFrom, int containerTo) = ParseRange(text, container);
        (int hostFrom, int hostTo) = host.Length == 0 ? (0, 0) : ParseRange(text, host);
        int count = containerTo - containerFrom + 1;
        bool isChosenFromRange = count == 1 && hostTo > hostFrom;
        if (host.Length > 0 && !isChosenFromRange && hostTo - hostFrom + 1 != count)
        {
            throw Invalid(text, "the ranges have different lengths");
        }

        return
        [
            .. Enumerable.Range(0, count).Select(i =>
                new PortMapping(address, host.Length == 0 ? 0 : hostFrom + i, containerFrom + i, protocol)),
        ];
    }

    /// <summary>The way <c>ps</c> shows it: <c>0.0.0.0:8080-&gt;80/tcp</c>.</summary>
    public override string ToString()
    {
        string address = HostAddress.Length == 0 ? "0.0.0.0"
            : HostAddress.Contains(':', StringComparison.Ordinal) ? $"[{HostAddress}]" : HostAddress;
        return string.Create(
            CultureInfo.InvariantCulture, $"{address}:{HostPort}->{ContainerPort}/{Protocol}");
    }

    private static (string Ports, string Protocol) SplitProtocol(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string protocol = slash < 0 ? "tcp" : text[(slash + 1)..].ToLowerInvariant();
        return protocol switch
        {
            "tcp" or "udp" => (slash < 0 ? text : text[..slash], protocol),
            "sctp" => throw Invalid(text, "sctp cannot be published"),
            _ => throw Invalid(text, $"unknown protocol {protocol}"),
        };
    }

    private static (string Address, string Host, string Container) SplitParts(string text, string ports)
    {
        int last = ports.LastIndexOf(':');
        if (last < 0)
        {
            return ("", "", ports);
        }

        string container = ports[(last + 1)..];
        string rest = ports[..last];
        int close = rest.LastIndexOf(']');
        int colon = rest.LastIndexOf(':');
        if (colon <= close)
        {
            return close < 0 ? ("", rest, container) : throw Invalid(text, "no port follows the address");
        }

        string address = rest[..colon].Trim('[', ']');
        return address.Length == 0 || IPAddress.TryParse(address, out _)
            ? (address, rest[(colon + 1)..], container)
            : throw Invalid(text, $"{address} is not an address");
    }

    private static (int From, int To) ParseRange(string text, string range)
    {
        int dash = range.IndexOf('-', StringComparison.Ordinal);
        int from = ParsePort(text, dash < 0 ? range : range[..dash]);
        int to = dash < 0 ? from : ParsePort(text, range[(dash + 1)..]);
        return from <= to ? (from, to) : throw Invalid(text, "the range is upside down");
    }

    private static int ParsePort(string text, string port) =>
        int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number is > 0 and <= MaxPort
            ? number
            : throw Invalid(text, $"\"{port}\" is not a port");

    private static RunException Invalid(string text, string cause) =>
        new(RunFailure.Malformed, $"publish \"{text}\": {cause}")
        {
            Hint = "HOST:CONTAINER, IP:HOST:CONTAINER or CONTAINER, with /tcp or /udp",
        };
}
