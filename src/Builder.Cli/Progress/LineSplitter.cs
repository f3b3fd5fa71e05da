// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Text;

namespace Builder.Cli.Progress;

/// <summary>Cuts output that comes in pieces into lines; a carriage return starts its line anew, as on a terminal.</summary>
internal sealed class LineSplitter
{
    private const int MaxLineBytes = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _partial = new();

    /// <summary>Takes bytes and gives the lines that they finish.</summary>
    public List<string> Take(ReadOnlySpan<byte> bytes)
    {
        List<string> lines = [];
        while (bytes.Length > 0)
        {
            int end = bytes.IndexOf((byte)'\n');
            _partial.Write(end < 0 ? bytes : bytes[..end]);
            bytes = end < 0 ? [] : bytes[(end + 1)..];
            if (end >= 0 || _partial.WrittenCount > MaxLineBytes)
            {
                lines.Add(Flush()!);
            }
        }

        return lines;
    }

    /// <summary>The unfinished line, or null when there is none.</summary>
    public string? TakePartial() => _partial.WrittenCount == 0 ? null : Flush();

    private string Flush()
    {
        string line = Encoding.UTF8.GetString(_partial.WrittenSpan).TrimEnd('\r');
        _partial.Clear();
        return line[(line.LastIndexOf('\r') + 1)..];
    }
}
