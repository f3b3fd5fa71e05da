// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Operations;

namespace Builder.Solver.Copying;

/// <summary>Turns a selection and where it goes into the entries of a layer.</summary>
internal static class CopyPlanner
{
    /// <summary>Makes the plan; a pure function of its arguments.</summary>
    public static LayerPlan Plan(CopySelection selection, DestinationResolution resolution) =>
        throw new NotImplementedException();
}
