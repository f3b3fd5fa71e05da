// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>Turns a selection and where it goes into the entries of a layer.</summary>
internal static class CopyPlanner
{
    /// <summary>Makes the plan; a pure function of its arguments. It has no entries when nothing changes.</summary>
    public static LayerPlan Plan(CopySelection selection, DestinationResolution resolution)
    {
        ArgumentNullException.ThrowIfNull(selection);
        return resolution.Plan;
    }
}
