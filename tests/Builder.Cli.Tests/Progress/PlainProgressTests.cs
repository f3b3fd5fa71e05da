// SPDX-License-Identifier: Apache-2.0

using System.Text;
using System.Text.Json;
using Builder.Cli.Progress;
using Builder.Solver.Progress;
using Xunit;

namespace Builder.Cli.Tests.Progress;

public sealed class PlainProgressTests
{
    private static readonly StepInfo s_first = new(1, "[build 1/2] RUN make", null);
    private static readonly StepInfo s_second = new(2, "[final 1/1] COPY a /", null);

    [Fact]
    public void Steps_that_take_turns_are_announced_each_time()
    {
        string text = Show(
            new StepStarted(s_first),
            Printed(s_first, "one\ntw"),
            new StepStarted(s_second),
            new StepCompleted(s_second, Cached: true, TimeSpan.Zero),
            Printed(s_first, "o\n"),
            new StepCompleted(s_first, Cached: false, TimeSpan.FromSeconds(1.24)));
        Assert.Equal(
            """
            #1 [build 1/2] RUN make
            #1 0.000 one
            #1 ...

            #2 [final 1/1] COPY a /
            #2 CACHED

            #1 [build 1/2] RUN make
            #1 0.000 two
            #1 DONE 1.2s

            """,
            text);
    }

    [Fact]
    public void A_line_without_an_end_is_shown_before_the_error()
    {
        string text = Show(
            new StepStarted(s_first),
            Printed(s_first, "50%\r100%\nno newline"),
            new StepFailed(s_first, "exit code: 2", Canceled: false, TimeSpan.Zero));
        Assert.Equal(
            "#1 [build 1/2] RUN make\n#1 0.000 100%\n#1 0.000 no newline\n#1 ERROR: exit code: 2\n", text);
    }

    [Fact]
    public void Raw_json_is_one_status_a_line()
    {
        using StringWriter writer = new();
        using JsonProgress progress = new(writer, new StillTime());
        progress.Observe(new StepStarted(s_first));
        progress.Observe(Printed(s_first, "hi\n"));
        progress.Observe(new StepCompleted(s_first, Cached: true, TimeSpan.Zero));
        JsonDocument[] lines = [.. writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line))];
        JsonElement begun = lines[0].RootElement.GetProperty("vertexes")[0];
        Assert.Equal(s_first.Name, begun.GetProperty("name").GetString());
        Assert.Equal("aGkK", lines[1].RootElement.GetProperty("logs")[0].GetProperty("data").GetString());
        JsonElement ended = lines[2].RootElement.GetProperty("vertexes")[0];
        Assert.True(ended.GetProperty("cached").GetBoolean());
        Assert.Equal(begun.GetProperty("digest").GetString(), ended.GetProperty("digest").GetString());
    }

    private static string Show(params BuildEvent[] events)
    {
        using StringWriter writer = new();
        using PlainProgress progress = new(writer, new StillTime());
        foreach (BuildEvent buildEvent in events)
        {
            progress.Observe(buildEvent);
        }

        return writer.ToString();
    }

    private static StepPrinted Printed(StepInfo step, string text) => new(step, false, [.. Encoding.UTF8.GetBytes(text)]);

    private sealed class StillTime : TimeProvider
    {
        public override long GetTimestamp() => 0;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;
    }
}
