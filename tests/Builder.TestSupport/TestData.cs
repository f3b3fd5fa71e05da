// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using System.Text;

namespace Builder.TestSupport;

/// <summary>The folders under testdata/, and the golden files in them.</summary>
public static class TestData
{
    /// <summary>The path of something under testdata/.</summary>
    public static string PathOf(params ReadOnlySpan<string> parts) =>
        Path.Combine([Path.GetDirectoryName(Path.GetDirectoryName(Here()))!, "..", "testdata", .. parts]);

    /// <summary>The names of the folders in a folder under testdata/, sorted.</summary>
    public static IEnumerable<string> Folders(params ReadOnlySpan<string> parts) =>
        Directory.EnumerateDirectories(PathOf(parts)).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);

    /// <summary>
    /// Compares with a golden file, or writes it when BLD_UPDATE_GOLDEN is 1.
    /// </summary>
    public static void ShouldEqual(string actual, string path)
    {
        if (Environment.GetEnvironmentVariable("BLD_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        string expected = File.ReadAllText(path);
        if (expected == actual)
        {
            return;
        }

        string[] want = expected.Split('\n');
        string[] have = actual.Split('\n');
        int first = 0;
        while (first < want.Length && first < have.Length && want[first] == have[first])
        {
            first++;
        }

        var message = new StringBuilder($"{path} differs from line {first + 1} on:\n");
        message.Append("- ").AppendLine(first < want.Length ? want[first] : "(end)");
        message.Append("+ ").AppendLine(first < have.Length ? have[first] : "(end)");
        throw new InvalidOperationException(message.Append("\nwhole result:\n").Append(actual).ToString());
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
