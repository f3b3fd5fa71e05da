// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>
/// All that a COPY layer takes from its parent file system: where the destination leads through symbolic links, which
/// directories exist (with what metadata) and which are created, and what the names of <c>--chown</c> mean there.
/// </summary>
internal sealed class DestinationResolution
{
    private const string Version = "bld.copy-destination.1";

    private DestinationResolution(Digest digest, LayerPlan plan)
    {
        Digest = digest;
        Plan = plan;
    }

    /// <summary>Equal digests: the same selection makes the same layer.</summary>
    public Digest Digest { get; }

    /// <summary>The layer that the selection makes there.</summary>
    public LayerPlan Plan { get; }

    /// <summary>Resolves against the parent; <paramref name="parent"/> is null for scratch. With <c>--link</c> the
    /// parent is asked for nothing but the names of <c>--chown</c>.</summary>
    /// <exception cref="SolveException">The destination cannot be: several sources onto a file, an unknown user.</exception>
    public static DestinationResolution Resolve(IFileTree? parent, CopySelection selection)
    {
        CopyRequest request = selection.Request;
        FileOwner? owner = request.Owner is { } text ? FileOwner.Resolve(text, () => parent) : null;
        Timestamp created = request.Epoch is { } epoch ? new Timestamp(epoch, 0) : Newest(selection);
        var layer = new LayerBuilder(request.Link ? null : parent, owner, ModeChange.Parse(request.Mode), created);
        var placement = new CopyPlacement(layer, request);
        foreach (SelectedRoot root in selection.Roots)
        {
            placement.Place(root);
        }

        LayerPlan plan = layer.Finish();
        using var writer = new DigestWriter(Version);
        writer.Write(request.Destination.StartsWith('/') ? null : request.WorkingDirectory);
        writer.Write(request.Destination);
        writer.Write(request.Mode);
        writer.Write(request.Epoch ?? long.MinValue);
        writer.Write(owner is null ? 0 : 1);
        writer.Write(owner?.UserId ?? 0);
        writer.Write(owner?.GroupId ?? 0);
        layer.WriteObservations(writer);
        return new DestinationResolution(writer.Finish(), plan);
    }

    /// <summary>The latest time among the files; 0 when there are none but here-documents.</summary>
    private static Timestamp Newest(CopySelection selection)
    {
        Timestamp newest = default;
        foreach (SelectedRoot root in selection.Roots)
        {
            if (root.Kind == SelectedRootKind.File && Timestamp.Of(root.Node).IsAfter(newest))
            {
                newest = Timestamp.Of(root.Node);
            }

            foreach (SelectedEntry entry in root.Entries)
            {
                if (Timestamp.Of(entry.Node).IsAfter(newest))
                {
                    newest = Timestamp.Of(entry.Node);
                }
            }
        }

        return newest;
    }
}
