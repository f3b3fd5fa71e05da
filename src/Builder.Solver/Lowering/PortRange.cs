// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using IPAddress = System.Net.IPAddress;

namespace Builder.Solver.Lowering;

/// <summary>Reads the words of EXPOSE: <c>[[IP:]HOST-PORTS:]PORT[-PORT][/PROTOCOL]</c>; only the container's ports count.</summary>
internal static class PortRange
{
    /// <summary>The ports a word means: <c>8000/tcp</c>.</summary>
    /// <exception cref="FormatException">Not ports.</exception>
    public static IEnumerable<string> Expand(string word)
    {
        string ports = word[(word.LastIndexOf(':') + 1)..];
        string published = word[..Math.Max(0, word.Length - ports.Length - 1)];
        int slash = ports.IndexOf('/', StringComparison.Ordinal);
        string protocol = slash < 0 ? "tcp" : ports[(slash + 1)..].ToLowerInvariant();
        protocol = protocol.Length == 0 ? "tcp" : protocol;
        if (protocol is not ("tcp" or "udp" or "sctp"))
        {
            throw new FormatException($"invalid protocol \"{protocol}\": it is tcp, udp or sctp");
        }

        (ushort first, ushort last) = ParseRange(slash < 0 ? ports : ports[..slash], word);
        CheckPublished(published, last - first, word);
        return Enumerable.Range(first, last - first + 1)
            .Select(port => string.Create(CultureInfo.InvariantCulture, $"{port}/{protocol}"));
    }

    /// <summary>Docker takes the form of <c>run -p</c> here too; nothing is published, but it must make sense.</summary>
    private static void CheckPublished(string published, int length, string word)
    {
        if (published.Length == 0)
        {
            return;
        }

        string ports = published[(published.LastIndexOf(':') + 1)..];
        string address = published[..Math.Max(0, published.Length - ports.Length - 1)].TrimStart('[').TrimEnd(']');
        if (address.Length > 0 && !IPAddress.TryParse(address, out _))
        {
            throw new FormatException($"invalid IP address \"{address}\"");
        }

        if (ports.Length > 0)
        {
            (ushort first, ushort last) = ParseRange(ports, word);
            if (length > 0 && last - first != length)
            {
                throw new FormatException($"invalid ranges \"{word}\": they differ in length");
            }
        }
    }

    private static (ushort First, ushort Last) ParseRange(string range, string word)
    {
        int dash = range.IndexOf('-', StringComparison.Ordinal);
        ushort first = ParsePort(dash < 0 ? range : range[..dash], word);
        ushort last = dash < 0 ? first : ParsePort(range[(dash + 1)..], word);
        return last >= first
            ? (first, last)
            : throw new FormatException($"invalid range of ports \"{range}\": it ends before it begins");
    }

    private static ushort ParsePort(string port, string word) =>
        ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            ? number
            : throw new FormatException($"invalid port \"{word}\": expected a number up to 65535 or a range of them");
}
