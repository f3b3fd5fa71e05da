// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox.Seccomp;

/// <summary>What happens with a call.</summary>
/// <param name="Value">The word that a filter returns.</param>
internal readonly record struct SeccompAction(uint Value)
{
    /// <summary>It is executed.</summary>
    public static SeccompAction Allow => new(0x7fff0000);

    /// <summary>It waits for the listener's decision.</summary>
    public static SeccompAction Notify => new(0x7fc00000);

    /// <summary>It stops for the tracer; without one it fails with ENOSYS.</summary>
    public static SeccompAction Trace => new(0x7ff00000);

    /// <summary>The process is killed.</summary>
    public static SeccompAction KillProcess => new(0x80000000);

    /// <summary>It is not executed and fails; 0 lets it seem to succeed.</summary>
    public static SeccompAction Fail(Interop.Errno errno) => new(0x00050000u | (uint)errno);
}

/// <summary>How an argument is compared.</summary>
internal enum ArgumentTest
{
    /// <summary>It equals the value.</summary>
    Equal,

    /// <summary>It differs from the value.</summary>
    NotEqual,

    /// <summary>It has none of the value's bits.</summary>
    NoneOf,

    /// <summary>It has some of the value's bits.</summary>
    AnyOf,

    /// <summary>Masked with 0170000, it equals the value: a file's type.</summary>
    FileType,

    /// <summary>Any of its 64 bits is set: a pointer that is there.</summary>
    NotZero,

    /// <summary>As an address of 64 bits it is below the value.</summary>
    Below,

    /// <summary>As an address of 64 bits it is below the value, and not 0.</summary>
    BelowNotZero,
}

/// <summary>A condition on an argument: on its low 32 bits (a C int), unless the test says 64.</summary>
/// <param name="Argument">Which, from 0.</param>
/// <param name="Test">How.</param>
/// <param name="Value">With what.</param>
internal sealed record ArgumentCondition(int Argument, ArgumentTest Test, uint Value);

/// <summary>
/// What happens with one call: <paramref name="Then"/> when any of the conditions holds (or there is none), else
/// <paramref name="Otherwise"/>.
/// </summary>
internal sealed record SeccompRule(
    string Name, SeccompAction Then, ImmutableArray<ArgumentCondition> AnyOf, SeccompAction Otherwise)
{
    /// <summary>A rule without conditions.</summary>
    public SeccompRule(string name, SeccompAction action)
        : this(name, action, [], action)
    {
    }
}
