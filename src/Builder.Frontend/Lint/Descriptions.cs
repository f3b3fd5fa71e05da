// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint;

/// <summary>Comments that describe a stage or an argument: <c># NAME text</c> right above it.</summary>
internal static class Descriptions
{
    public static string Find(Instruction instruction, string? name)
    {
        string? comment = name is null
            ? null
            : instruction.Comments.FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return comment is null ? "" : comment[(name!.Length + 1)..];
    }
}
