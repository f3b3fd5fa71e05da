// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Solver.Lowering;

/// <summary>
/// The global scope: the platform arguments, then the ARGs before the first FROM. Only FROM sees it; a stage takes a
/// variable out of it by an ARG without a value.
/// </summary>
internal static class GlobalArguments
{
    private static readonly string[] s_platformArguments =
    [
        "BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
        "TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
    ];

    /// <summary>True for the arguments that are there without being given.</summary>
    public static bool IsPlatformArgument(string name) => s_platformArguments.Contains(name, StringComparer.Ordinal);

    /// <summary>Evaluates the scope.</summary>
    /// <exception cref="SolveException">A default value cannot be expanded.</exception>
    public static EnvironmentList Evaluate(
        Dockerfile dockerfile, BuildArguments arguments, Platform build, Platform target, string? targetStage)
    {
        var scope = new EnvironmentList();
        string[] values =
        [
            build.ToString(), build.Os, build.OsVersion ?? "", build.Architecture, build.Variant ?? "",
            target.ToString(), target.Os, target.OsVersion ?? "", target.Architecture, target.Variant ?? "",
            targetStage ?? dockerfile.Stages[^1].Name ?? "default",
        ];
        for (int i = 0; i < s_platformArguments.Length; i++)
        {
            scope.Set(s_platformArguments[i], arguments.Find(s_platformArguments[i]) ?? values[i]);
        }

        var words = new LocatedExpander(dockerfile);
        foreach (ArgInstruction instruction in dockerfile.GlobalArgs)
        {
            foreach (KeyValueWord definition in instruction.Definitions)
            {
                string? value = arguments.Find(definition.Key.Text)
                    ?? (definition.Value is null ? null : words.Expand(definition.Value, scope));
                if (value is not null)
                {
                    scope.Set(definition.Key.Text, value);
                }
            }
        }

        return scope;
    }
}
