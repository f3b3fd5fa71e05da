// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Ledger;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>What is to be executed.</summary>
/// <param name="ImagePath">The kernel's path of it.</param>
/// <param name="Executable">What the step calls it.</param>
/// <param name="Leading">For scripts: what comes before the given arguments, in the place of the first; else empty.</param>
/// <param name="Identity">Who executes it, with the file's set-id bits.</param>
internal sealed record ExecutionPlan(
    string ImagePath, byte[] Executable, IReadOnlyList<byte[]> Leading, FakeIdentity Identity);
