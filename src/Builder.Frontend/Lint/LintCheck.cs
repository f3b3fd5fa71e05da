// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint;

/// <summary>One rule, or a few that look at the same thing. Without state: all it knows comes with the call.</summary>
internal abstract class LintCheck
{
    /// <summary>Once, before the stages.</summary>
    public virtual void VisitFile(LintWalk walk)
    {
    }

    /// <summary>For every stage that is checked in depth, before its instructions.</summary>
    public virtual void VisitStage(LintWalk walk, StageState state)
    {
    }

    /// <summary>For every instruction of such a stage, before it takes effect.</summary>
    public virtual void Visit(LintWalk walk, StageState state, Instruction instruction)
    {
    }
}
