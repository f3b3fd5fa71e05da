// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Frontend.Instructions;

namespace Builder.Frontend.Printing;

/// <summary>Writes COPY and ADD.</summary>
internal static class TransferWriter
{
    public static void Write(InstructionWriter line, TransferInstruction transfer)
    {
        if (transfer is CopyInstruction copy)
        {
            line.Flag("from", copy.From);
            line.Flag("parents", copy.Parents);
        }
        else if (transfer is AddInstruction add)
        {
            line.Flag("checksum", add.Checksum);
            Optional(line, "keep-git-dir", add.KeepGitDir);
            Optional(line, "unpack", add.Unpack);
        }

        line.Flag("chown", transfer.Chown);
        line.Flag("chmod", transfer.Chmod);
        line.Flag("link", transfer.Link);
        line.Flags("exclude", transfer.Exclude);
        if (transfer.Heredocs.IsEmpty)
        {
            line.WordsOrJson([.. transfer.Sources.Append(transfer.Destination).Select(static word => word.Text)]);
            return;
        }

        // Here-documents first: a stray quote in a source could otherwise hide their words.
        line.Arguments(
        [
            .. transfer.Heredocs.Select(Marker),
            .. transfer.Sources.Select(static word => word.Text),
            transfer.Destination.Text,
        ]);
        line.Bodies(transfer.Heredocs);
    }

    private static void Optional(InstructionWriter line, string name, bool? value)
    {
        if (value is not null)
        {
            line.Flag(name, value.Value ? "true" : "false");
        }
    }

    /// <summary>The word that opens a here-document.</summary>
    private static string Marker(Heredoc heredoc)
    {
        var marker = new StringBuilder();
        if (heredoc.FileDescriptor != 0)
        {
            marker.Append(CultureInfo.InvariantCulture, $"{heredoc.FileDescriptor}");
        }

        marker.Append("<<").Append(heredoc.Chomp ? "-" : "");
        if (!heredoc.Expand)
        {
            return marker.Append('\'').Append(heredoc.Name.Replace("'", @"'\''", StringComparison.Ordinal)).Append('\'').ToString();
        }

        foreach (char c in heredoc.Name)
        {
            marker.Append(c is '"' or '\'' or '\\' || (c == '-' && marker[^1] == '<') ? "\\" : "").Append(c);
        }

        return marker.ToString();
    }
}
