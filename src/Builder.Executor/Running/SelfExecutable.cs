// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Running;

/// <summary>How to start this program again.</summary>
internal static class SelfExecutable
{
    private const string AssemblyName = "bld.dll";

    /// <summary>The file to execute, and the arguments that come before ours (under <c>dotnet bld.dll</c>).</summary>
    public static (string Path, ImmutableArray<string> Prefix) Locate()
    {
        string path = Environment.ProcessPath
            ?? throw new RunException(RunFailure.NotStarted, "start the monitor: the path of this executable is not known");
        bool isHost = Path.GetFileNameWithoutExtension(path) == "dotnet";
        return (path, isHost ? [Path.Combine(AppContext.BaseDirectory, AssemblyName)] : []);
    }
}
