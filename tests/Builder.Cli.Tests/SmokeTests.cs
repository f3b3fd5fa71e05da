// SPDX-License-Identifier: Apache-2.0

using Xunit;

namespace Builder.Cli.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Runs() => Assert.True(true);
}
