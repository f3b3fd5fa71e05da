// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.Sandbox.Isolation;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>
/// Many steps at once while the heap is collected all the time: nothing hangs and nothing is left. $BLD_STRESS is how many
/// (1000 for a release); few by default.
/// </summary>
[Collection(nameof(AloneCollection))]
public sealed class ManyStepsTests : IDisposable
{
    private const int FewSteps = 60;
    private const int AtOnce = 12;

    private readonly StepBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [RootTheory]
    [InlineData(IsolationRung.Native)]
    [InlineData(IsolationRung.Chroot)]
    [InlineData(IsolationRung.Trace)]
    public async Task Nothing_hangs_and_no_process_mount_or_descriptor_is_left(IsolationRung rung)
    {
        int count = int.TryParse(
            Environment.GetEnvironmentVariable("BLD_STRESS"), NumberStyles.None, CultureInfo.InvariantCulture, out int many)
            ? many
            : FewSteps;
        await _bench.RunAsync(rung, _bench.Base, "echo warm > /x");
        (int descriptors, int mounts) = (Descriptors(), Mounts());
        string[] children = [.. ChildrenInSessionsOfTheirOwn()];
        using var stop = new CancellationTokenSource();
        Task collector = Task.Run(() => CollectUntil(stop.Token), TestContext.Current.CancellationToken);

        var options = new ParallelOptions
        {
            MaxDegreeOfParallelism = AtOnce,
            CancellationToken = TestContext.Current.CancellationToken,
        };
        await Parallel.ForAsync(0, count, options, async (i, _) =>
        {
            StepRun run = await _bench.RunAsync(
                rung, _bench.Base, $"(sleep 100 > /dev/null 2>&1 &); echo {i} > /f{i}; cat /f{i}");
            Assert.Equal($"{i}\n", run.Output);
        });

        await stop.CancelAsync();
        await collector;
        Assert.Equal(mounts, Mounts());
        Assert.InRange(Descriptors(), 0, descriptors + AtOnce);
        Assert.Empty(ChildrenInSessionsOfTheirOwn().Except(children));
    }

    private static void CollectUntil(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            byte[][] garbage = [.. Enumerable.Range(0, 100).Select(_ => new byte[10_000])];
            GC.Collect();
            GC.KeepAlive(garbage);
            Thread.Sleep(1); // the steps are to be disturbed, not starved
        }
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static int Mounts() => File.ReadAllLines("/proc/self/mountinfo").Length;

    // Steps begin sessions, other children of this process do not.
    private static IEnumerable<string> ChildrenInSessionsOfTheirOwn()
    {
        string self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string session = Fields("/proc/self")![3];
        return Directory.EnumerateDirectories("/proc")
            .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
            .Select(Fields)
            .OfType<string[]>()
            .Where(fields => fields[1] == self && fields[3] != session)
            .Select(fields => string.Join(' ', fields.Take(5)));
    }

    // State, parent, group, session and so on.
    private static string[]? Fields(string process)
    {
        try
        {
            string text = File.ReadAllText(Path.Join(process, "stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }
}
