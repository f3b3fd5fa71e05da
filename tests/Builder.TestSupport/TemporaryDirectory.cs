// SPDX-License-Identifier: Apache-2.0

namespace Builder.TestSupport;

/// <summary>A directory below the system's temporary one, removed with all it holds (also what belongs to others).</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory(string? prefix = null)
    {
        Path = Directory.CreateTempSubdirectory(prefix ?? "bld-test-").FullName;
        // other users, which some tests play, must get in
        File.SetUnixFileMode(Path, (UnixFileMode)Convert.ToInt32("755", 8));
    }

    public string Path { get; }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    /// <summary>Writes a text file and the directories above it.</summary>
    public string Write(string relative, string text)
    {
        string path = this[relative];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        CommandResult result = new Command("rm", "-rf", "--one-file-system", Path).Run();
        if (result.ExitCode != 0)
        {
            new Command("chmod", "-R", "u+rwX", Path).Run();
            new Command("rm", "-rf", "--one-file-system", Path).Run();
        }
    }
}
