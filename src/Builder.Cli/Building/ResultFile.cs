// SPDX-License-Identifier: Apache-2.0

namespace Builder.Cli.Building;

/// <summary>A small file that the command line asks for: <c>--iidfile</c>, <c>--metadata-file</c>.</summary>
internal static class ResultFile
{
    /// <summary>
    /// Takes away what an earlier build left there, so that a failed build leaves no id that is not its own.
    /// </summary>
    /// <exception cref="UsageException">There is no such directory, or it may not be written.</exception>
    public static void Prepare(string option, string? path)
    {
        if (string.IsNullOrEmpty(path))
        {
            return;
        }

        if (Directory.Exists(path))
        {
            throw new UsageException($"{option} {path}: it is a directory");
        }

        string directory = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        if (!Directory.Exists(directory))
        {
            throw new UsageException($"{option} {path}: no such directory: {directory}");
        }

        try
        {
            // Something else than a file (/dev/stdout) stays and is written to.
            if (new FileInfo(path) is { Exists: true, LinkTarget: null, Length: > 0 } file)
            {
                file.Delete();
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {failure.Message}");
        }
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public static void Write(string option, string? path, string text)
    {
        if (string.IsNullOrEmpty(path))
        {
            return;
        }

        try
        {
            File.WriteAllText(path, text);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{option} {path}: {failure.Message}") { Hint = "the build itself succeeded" };
        }
    }
}
