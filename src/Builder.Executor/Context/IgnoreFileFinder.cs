// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>Patterns of a context and the name of the file that they came from.</summary>
internal sealed record ContextIgnore(IgnoreMatcher Matcher, string Name)
{
    /// <summary>Nothing is left out.</summary>
    public static ContextIgnore None { get; } = new(IgnoreMatcher.None, ".dockerignore");
}

/// <summary>
/// Finds a context's ignore file: one that belongs to the Dockerfile (NAME.dockerignore, NAME.containerignore), else the
/// context's .containerignore, else its .dockerignore.
/// </summary>
internal static class IgnoreFileFinder
{
    private const int MaxIgnoreFileBytes = 4 << 20;

    private static readonly string[] s_ofDockerfile = [".dockerignore", ".containerignore"];
    private static readonly string[] s_ofContext = [".containerignore", ".dockerignore"];

    /// <summary>Reads the file that the user named.</summary>
    public static ContextIgnore Read(string path) =>
        Parse(path, SmallFile.Read(path, MaxIgnoreFileBytes, "read ignore file"));

    /// <summary>Reads the ignore file that lies beside a Dockerfile on disk; null when there is none.</summary>
    public static ContextIgnore? FindBeside(string dockerfilePath) => s_ofDockerfile
        .Select(suffix => dockerfilePath + suffix)
        .Where(File.Exists)
        .Select(Read)
        .FirstOrDefault();

    /// <summary>Finds the ignore file of a context.</summary>
    /// <param name="context">The whole context.</param>
    /// <param name="dockerfilePath">Where the Dockerfile is in it; null when it is elsewhere.</param>
    public static ContextIgnore Find(IFileTree context, string? dockerfilePath)
    {
        IEnumerable<string> candidates = dockerfilePath is null
            ? s_ofContext
            : s_ofDockerfile.Select(suffix => dockerfilePath + suffix).Concat(s_ofContext);
        foreach (string candidate in candidates)
        {
            string path = TreePath.Resolve(candidate, context.Find);
            if (context.Find(path) is { Kind: FileKind.Regular })
            {
                return Parse(candidate, SmallFile.Read(context, path, MaxIgnoreFileBytes));
            }
        }

        return ContextIgnore.None;
    }

    private static ContextIgnore Parse(string name, byte[] content) =>
        new(IgnoreMatcher.Parse(new SourceText(name, PathEncoding.Decode(content))), Path.GetFileName(name));
}
