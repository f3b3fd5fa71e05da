// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Images;

namespace Builder.Solver.Explaining;

/// <summary>Under which names traces and manifests are in the cache.</summary>
public static class TraceNames
{
    /// <summary>
    /// What names begin with that have a meaning in a shared cache only: on one machine they would mix up projects.
    /// </summary>
    public const string SharedPrefix = "shared-";

    /// <summary>The trace of the last build that wrote to a shared cache.</summary>
    internal static string ForOthers(Platform platform) => $"{SharedPrefix}trace-" + new CacheKeyBuilder("shared trace")
        .Add("platform", platform.ToString()).Build().Digest.Hex;

    /// <summary>The trace of the last build of a project.</summary>
    internal static string ForProject(string project, Platform platform) =>
        "trace-" + new CacheKeyBuilder("project trace").Add("project", project)
            .Add("platform", platform.ToString()).Build().Digest.Hex;

    /// <summary>The trace of the build that made a file system.</summary>
    internal static string ForImage(LayerStack rootFs) =>
        "trace-" + new CacheKeyBuilder("image trace").Add("chain", rootFs.ChainId.ToString()).Build().Digest.Hex;

    /// <summary>The list of the files behind a selection's digest.</summary>
    public static string ForFiles(Digest selection) => "files-" + selection.Hex;

    /// <summary>Decodes a trace; null for anything else.</summary>
    internal static BuildTrace? Decode(byte[]? bytes)
    {
        if (bytes is null)
        {
            return null;
        }

        try
        {
            BuildTrace? trace = JsonSerializer.Deserialize(bytes, TraceJson.Default.BuildTrace);
            return trace?.Steps.IsDefault == false ? trace : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
