// SPDX-License-Identifier: Apache-2.0

using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>Commands under the tracer: a static busybox in a plain directory.</summary>
public sealed class TracedCommandTests : IDisposable
{
    private readonly TraceRoot _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_shell_with_pipes_and_children_runs_in_its_root()
    {
        string output = _root.Output(
            "cd /tmp && pwd && echo a b | tr a x && (cd .. && ls) && ls /bin | wc -l && id -u && cat /etc/passwd | head -1");
        Assert.StartsWith("/tmp\nx b\nbin\ndev\n", output, StringComparison.Ordinal);
        Assert.EndsWith("0\nroot:x:0:0::/root:/bin/sh\n", output, StringComparison.Ordinal);
    }
}
