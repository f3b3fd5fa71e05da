// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Solver.Tests.Copying;

/// <summary>Plans a COPY written as in a Dockerfile and shows the layer as lines.</summary>
internal static class CopyHarness
{
    public static CopyRequest Parse(string line, string workingDirectory = "/")
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToList();
        var request = new CopyRequest
        {
            Sources = [],
            Destination = words[^1],
            WorkingDirectory = workingDirectory,
            IsAdd = words[0] == "ADD",
        };
        words.RemoveAt(words.Count - 1);
        foreach (string word in words.Skip(1))
        {
            string value = word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..];
            request = word switch
            {
                "--link" => request with { Link = true },
                "--parents" => request with { Parents = true },
                _ when word.StartsWith("--chown=", StringComparison.Ordinal) => request with { Owner = value },
                _ when word.StartsWith("--chmod=", StringComparison.Ordinal) => request with { Mode = value },
                _ when word.StartsWith("--unpack=", StringComparison.Ordinal) => request with { Unpack = value == "true" },
                _ when word.StartsWith("--exclude=", StringComparison.Ordinal) =>
                    request with { Exclude = request.Exclude.Add(value) },
                _ when word.StartsWith("<<", StringComparison.Ordinal) =>
                    request with { Heredocs = request.Heredocs.Add(new CopyHeredoc(word[2..], [.. "text\n"u8])) },
                _ => request with { Sources = request.Sources.Add(word) },
            };
        }

        return request;
    }

    public static CopySelection Select(IFileTree context, CopyRequest request) =>
        CopySelection.Select(
            [.. request.Sources.Select(source => new CopySource(CopySourceKind.Pattern, context, source))], request);

    public static LayerPlan Plan(IFileTree? parent, IFileTree context, string line, string workingDirectory = "/")
    {
        CopySelection selection = Select(context, Parse(line, workingDirectory));
        return CopyPlanner.Plan(selection, DestinationResolution.Resolve(parent, selection));
    }

    public static async Task<LayerPlan> PlanAddAsync(
        IFileTree? parent, IFileTree context, string line, IRemoteSource remotes, CancellationToken cancellationToken)
    {
        CopySelection selection = Select(context, Parse(line));
        selection = await selection.UnpackAsync(remotes, cancellationToken);
        return CopyPlanner.Plan(selection, DestinationResolution.Resolve(parent, selection));
    }

    /// <summary>One entry a line: path ('/' after directories), mode, owner if not 0:0, link.</summary>
    public static string Show(LayerPlan plan) => string.Join('\n', plan.Entries.Select(Show));

    private static string Show(LayerPlanEntry entry)
    {
        FileNode node = entry.Node;
        var text = new StringBuilder(entry.Path);
        text.Append(node.Kind == FileKind.Directory ? "/" : "");
        if (node.Kind == FileKind.Symlink)
        {
            text.Append(" -> ").Append(node.LinkTarget);
        }
        else
        {
            text.Append(' ').Append(Convert.ToString(node.Mode, 8).PadLeft(4, '0'));
        }

        if ((node.UserId, node.GroupId) != (0, 0))
        {
            text.Append(' ').Append(node.UserId).Append(':').Append(node.GroupId);
        }

        return text.Append(entry.HardLinkTo is null ? "" : " & " + entry.HardLinkTo).ToString();
    }
}
