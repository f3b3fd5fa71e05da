// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Images;

/// <summary>What is being done with a blob or a manifest.</summary>
public enum TransferAction
{
    /// <summary>It comes from a registry.</summary>
    Download,

    /// <summary>It goes to a registry.</summary>
    Upload,

    /// <summary>It is made smaller for a registry.</summary>
    Compress,

    /// <summary>The registry has it already.</summary>
    Present,

    /// <summary>The registry took it from another of its repositories.</summary>
    Mounted,
}

/// <summary>A transfer moved on. Observers are called from several threads at once and must be quick.</summary>
/// <param name="Action">What is being done.</param>
/// <param name="Item">What with: a digest, or a name for manifests.</param>
/// <param name="CurrentBytes">How much is done.</param>
/// <param name="TotalBytes">How much there is; 0 when it is not known.</param>
/// <param name="IsDone">It is finished.</param>
public sealed record TransferProgress(
    TransferAction Action, string Item, long CurrentBytes, long TotalBytes, bool IsDone);
