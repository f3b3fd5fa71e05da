// SPDX-License-Identifier: Apache-2.0

using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>Tests that count what this process has open: nothing runs beside them.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
