// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using Xunit;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>A theory that starts containers by runc; skipped with the reason where it cannot.</summary>
public sealed class PodTheoryAttribute : TheoryAttribute
{
    public PodTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = Pod.Missing;
}
