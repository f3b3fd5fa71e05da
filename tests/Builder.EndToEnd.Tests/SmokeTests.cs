// SPDX-License-Identifier: Apache-2.0

using Xunit;

namespace Builder.EndToEnd.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Runs() => Assert.True(true);
}
