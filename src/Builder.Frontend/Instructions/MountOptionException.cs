// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>One option of a mount is wrong; the option as written tells where.</summary>
internal sealed class MountOptionException(string message, string option) : FormatException(message)
{
    /// <summary>The option, <c>KEY=VALUE</c>.</summary>
    public string Option { get; } = option;
}
