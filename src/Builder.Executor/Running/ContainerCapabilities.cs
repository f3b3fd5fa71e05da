// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Sandbox;

namespace Builder.Executor.Running;

/// <summary>Which capabilities a container has: docker's default set, changed by --cap-add and --cap-drop.</summary>
internal static class ContainerCapabilities
{
    private const string Everything = "ALL";

    /// <summary>The capabilities of a container.</summary>
    /// <exception cref="RunException">A name that there is not.</exception>
    public static CapabilitySet Of(ContainerRecord container)
    {
        CapabilitySet set = container.Privileged ? CapabilitySet.All : CapabilitySet.Default;
        set = HasAll(container.DroppedCapabilities) ? CapabilitySet.Empty : set;
        set = HasAll(container.AddedCapabilities) ? CapabilitySet.All : set;
        return set.With(Named(container.AddedCapabilities)).Without(Named(container.DroppedCapabilities));
    }

    private static bool HasAll(ImmutableArray<string> names) => names.Any(IsAll);

    private static bool IsAll(string name) => name.Equals(Everything, StringComparison.OrdinalIgnoreCase);

    private static CapabilitySet Named(ImmutableArray<string> names) =>
        CapabilitySet.Of([.. names.Where(name => !IsAll(name)).Select(name => CapabilitySet.Find(name)
            ?? throw new RunException(RunFailure.Malformed, $"unknown capability: {name}")
            {
                Hint = "names are those of capabilities(7), for instance NET_ADMIN",
            })]);
}
