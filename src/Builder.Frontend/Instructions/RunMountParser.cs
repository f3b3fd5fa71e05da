// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>Parses the value of <c>RUN --mount</c>.</summary>
public static class RunMountParser
{
    /// <summary>Parses an expanded value such as <c>type=cache,target=/x</c> (a CSV record of options).</summary>
    /// <exception cref="FormatException">The message says which option is wrong, with a suggestion where one is near.</exception>
    public static RunMount Parse(string value) => throw new NotImplementedException();
}
