// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using Builder.Executor.Sandbox.Isolation;
using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>A test that needs ptrace and seccomp filters with a listener.</summary>
internal sealed class TraceFactAttribute : FactAttribute
{
    private static readonly RungFinding s_finding = IsolationLadder.Probe(IsolationRung.Trace);

    public TraceFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (!s_finding.IsPossible)
        {
            Skip = s_finding.Reason;
        }
    }
}
