// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;

namespace Builder.Solver.Copying;

/// <summary>
/// The content identity of a selection: names, kinds, contents, link texts, attributes, and those of mode and owner
/// that the request does not override. Never times, nor where the tree lies. Archives count by their bytes.
/// </summary>
internal static class SelectionDigest
{
    /// <summary>Computes it; reads every selected file whose digest is not known yet.</summary>
    public static Digest Compute(CopySelection selection) => throw new NotImplementedException();
}
