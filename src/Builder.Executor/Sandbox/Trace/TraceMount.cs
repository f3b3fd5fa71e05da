// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A file or directory of this machine that a step sees at a path.</summary>
/// <param name="Target">Absolute, without links.</param>
/// <param name="Source">Where it lies.</param>
/// <param name="IsReadOnly">It may not be changed.</param>
internal sealed record TraceMount(string Target, string Source, bool IsReadOnly);
