// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Isolation;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Rungs by trying, as root of this machine.</summary>
public sealed class IsolationTests
{
    [RootFact]
    public void Root_finds_the_native_rung_and_user_namespaces()
    {
        ImmutableArray<RungFinding> findings = IsolationLadder.Probe();

        Assert.Equal(Enum.GetValues<IsolationRung>(), findings.Select(finding => finding.Rung));
        Assert.True(findings[0].IsPossible, findings[0].Reason);
        Assert.True(findings[2].IsPossible, findings[2].Reason);
        Assert.All(findings, finding => Assert.NotEmpty(finding.Reason));
        Assert.Equal(IsolationRung.Native, IsolationLadder.Choose(null).Rung);
    }

    [Fact]
    public void A_rung_that_cannot_be_used_is_an_error_that_says_why()
    {
        foreach (RungFinding finding in IsolationLadder.Probe())
        {
            if (finding.IsPossible)
            {
                Assert.Equal(finding.Rung, IsolationLadder.Choose(finding.Rung).Rung);
                continue;
            }

            SandboxException failure = Assert.Throws<SandboxException>(() => IsolationLadder.Choose(finding.Rung));
            Assert.StartsWith($"isolation {IsolationRungs.NameOf(finding.Rung)}: ", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Names_of_rungs_are_read_back()
    {
        foreach (IsolationRung rung in Enum.GetValues<IsolationRung>())
        {
            Assert.Equal(rung, IsolationRungs.Parse(IsolationRungs.NameOf(rung)));
        }

        Assert.Null(IsolationRungs.Parse("auto"));
        Assert.Throws<SandboxException>(() => IsolationRungs.Parse("vm"));
    }

    [Fact]
    public void Subordinate_ids_are_found_by_name_and_number()
    {
        string path = Path.GetTempPath() + Guid.NewGuid().ToString("N");
        File.WriteAllText(path, "# comment\nroot:100000:65536\n0:300000:10\nroot:bad\nother:5:5\nroot:7:0\n");
        try
        {
            Assert.Equal(
                [new IdRange(0, 100000, 65536), new IdRange(0, 300000, 10)], SubordinateIds.Find(path, 0));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
