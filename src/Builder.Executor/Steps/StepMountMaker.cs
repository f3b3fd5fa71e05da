// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Snapshots;

namespace Builder.Executor.Steps;

/// <summary>Makes the mounts of a step as its isolation can have them; disposing gives up what was made. In order.</summary>
internal abstract class StepMountMaker : IDisposable
{
    /// <summary>A cache can be shown to one step at a time only.</summary>
    public virtual bool NeedsExclusiveCaches => false;

    /// <summary>Shows a file or directory of a file system; writes, where allowed, are forgotten.</summary>
    /// <param name="target">Where.</param>
    /// <param name="tree">The file system, null for an empty one.</param>
    /// <param name="lowers">The directories it consists of, top first.</param>
    /// <param name="part">What of it, without links in the path; "" is all.</param>
    /// <param name="isWritable">The step may write.</param>
    public abstract void AddTree(
        string target, MergedTree? tree, IReadOnlyList<string> lowers, string part, bool isWritable);

    /// <summary>Shows a cache; what the step writes stays in it.</summary>
    public abstract void AddCache(string target, string directory, bool isReadOnly);

    /// <summary>Shows an empty directory in memory, where that can be had.</summary>
    public abstract void AddTmpfs(string target, long sizeBytes);

    /// <summary>Shows a socket that leads to an ssh agent.</summary>
    public abstract void AddAgent(string target, string agent, int mode, uint userId, uint groupId);

    /// <inheritdoc/>
    public abstract void Dispose();
}
