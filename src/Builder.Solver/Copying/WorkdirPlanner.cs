// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>Plans the layer of a WORKDIR: the directory and the parents that are missing.</summary>
internal static class WorkdirPlanner
{
    /// <summary>
    /// Makes the plan, or null when the directory exists (symbolic links followed inside the root). Created
    /// directories are 0755, owned by <paramref name="user"/> (USER's value, "" is root), with the time
    /// <paramref name="epoch"/> or 0.
    /// </summary>
    /// <exception cref="SolveException">A parent is not a directory, or the user is unknown.</exception>
    public static LayerPlan? Plan(IFileTree? parent, string directory, string user, long? epoch)
    {
        string clean = TreePath.Clean(directory);
        if (parent is not null)
        {
            string existing = TreePath.Resolve(clean, parent.Find);
            if (existing.Length == 0 || parent.Find(existing) is { Kind: FileKind.Directory })
            {
                return null;
            }
        }
        else if (clean.Length == 0)
        {
            return null;
        }

        FileOwner owner = FileOwner.Resolve(user, () => parent);
        var layer = new LayerBuilder(parent, owner, null, new Timestamp(epoch ?? 0, 0));
        layer.EnsureDirectory(layer.Resolve(clean));
        return layer.Finish();
    }
}
