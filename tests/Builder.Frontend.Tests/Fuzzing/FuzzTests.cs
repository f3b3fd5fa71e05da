// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.Frontend.Tests.Fuzzing;

/// <summary>
/// No text makes the Frontend fail with anything but its own diagnostics, hang, or take much memory. A few seconds by
/// default and always the same; <c>BLD_FUZZ_SECONDS=600</c> for longer and other texts. A text that failed is written
/// to testdata/dockerfiles/fuzz/, where every later run tries it first.
/// </summary>
public sealed class FuzzTests
{
    private const int DefaultSeconds = 4;
    private const long MaxAllocatedBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Corpus() =>
        [.. Directory.GetFiles(CorpusFolder).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_text_that_failed_once_does_not_fail_again(string name) =>
        Check(File.ReadAllText(Path.Combine(CorpusFolder, name)));

    [Fact]
    public void Mutated_texts_meet_diagnostics_only()
    {
        string? asked = Environment.GetEnvironmentVariable("BLD_FUZZ_SECONDS");
        int seconds = asked is null ? DefaultSeconds : int.Parse(asked, CultureInfo.InvariantCulture);
        int seed = asked is null ? 1 : Environment.TickCount;
        var mutator = new Mutator(seed, Seeds());
        var met = new HashSet<string>(StringComparer.Ordinal);
        long runs = 0;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(seconds); runs++)
        {
            string text = mutator.Next();
            try
            {
                int known = met.Count;
                met.UnionWith(Check(text));
                if (met.Count > known)
                {
                    mutator.Keep(text);
                }
            }
            catch (Exception failure)
            {
                string file = Path.Combine(CorpusFolder, $"found-{Math.Abs(text.GetHashCode(StringComparison.Ordinal)):x8}");
                File.WriteAllText(file, text);
                throw new InvalidOperationException($"run {runs} with seed {seed}, text in {file}: {failure.Message}", failure);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{runs} texts, {met.Count} different outcomes, seed {seed}");
        Assert.True(met.Count > 50, $"{met.Count} outcomes: the texts are not good enough");
    }

    private static string CorpusFolder => TestData.PathOf("dockerfiles", "fuzz");

    private static IEnumerable<string> Seeds() =>
        Directory.EnumerateFiles(TestData.PathOf("dockerfiles"), "*", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is "Dockerfile" or ".dockerignore" || file.Contains("/fuzz/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllText);

    /// <summary>Runs on a thread of its own, so that a hang can be told; the thread's stack is small, so that depth is.</summary>
    private static List<string> Check(string text)
    {
        List<string> met = [];
        Exception? failure = null;
        long allocated = 0;
        const int StackBytes = 512 * 1024;
        var thread = new Thread(
            () =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    met.AddRange(FuzzTarget.Run(text));
                }
                catch (Exception exception)
                {
                    failure = exception;
                }

                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            },
            StackBytes)
        {
            IsBackground = true,
        };
        thread.Start();
        Assert.True(thread.Join(s_maxTime), $"still running after {s_maxTime}");
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.ToString(), failure);
        }

        Assert.True(allocated < MaxAllocatedBytes, $"allocated {allocated} bytes");
        return met;
    }
}
