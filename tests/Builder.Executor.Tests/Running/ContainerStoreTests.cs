// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Running;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Running;

public sealed class ContainerStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new("bld-containers-");
    private readonly ContainerStore _store;

    public ContainerStoreTests()
    {
        _store = new ContainerStore(_directory.Path);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_container_is_found_by_name_by_id_and_by_the_beginning_of_its_id()
    {
        ContainerRecord container = _store.Create(New('a'), "web");
        _store.Create(New('b'), null);
        Assert.Equal(container.Id, _store.Find("web")!.Id);
        Assert.Equal(container.Id, _store.Find(container.Id)!.Id);
        Assert.Equal(container.Id, _store.Find("aaaa")!.Id);
        Assert.Null(_store.Find("nobody"));
        Assert.Equal(2, _store.List().Length);
        Assert.Equal(ContainerStatus.Created, _store.ReadState(container.Id).Status);
    }

    [Fact]
    public void The_beginning_of_several_ids_is_refused()
    {
        _store.Create(New('a'), "one");
        _store.Create(New('a') with { Id = new string('a', 63) + "b" }, "two");
        Assert.Contains("several", Assert.Throws<RunException>(() => _store.Find("aa")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_is_taken_until_its_container_is_removed()
    {
        ContainerRecord container = _store.Create(New('a'), "web");
        Assert.Equal(RunFailure.NameInUse, Assert.Throws<RunException>(() => _store.Create(New('b'), "web")).Failure);
        _store.Remove(container);
        _store.Remove(container);
        Assert.Equal("web", _store.Create(New('b'), "web").Name);
        Assert.Throws<RunException>(() => _store.Create(New('c'), "-bad"));
    }

    [Fact]
    public void The_name_of_a_container_that_was_never_finished_is_free()
    {
        Directory.CreateDirectory(_directory["containers/names"]);
        File.WriteAllText(_directory["containers/names/web"], new string('d', 64));
        Assert.Equal("web", _store.Create(New('a'), "web").Name);
    }

    [Fact]
    public void A_container_whose_watcher_was_killed_counts_as_exited()
    {
        ContainerRecord container = _store.Create(New('a'), "web");
        ProcessIdentity self = ProcessIdentity.Of(Environment.ProcessId)!;
        ContainerState running = new() { Status = ContainerStatus.Running, Process = self, Monitor = self };
        _store.WriteState(container.Id, running);
        Assert.Equal(ContainerStatus.Running, _store.ReadState(container.Id).Status);
        ProcessIdentity other = self with { StartTicks = self.StartTicks - 1 };
        _store.WriteState(container.Id, running with { Process = other, Monitor = other });
        ContainerState lost = _store.ReadState(container.Id);
        Assert.Equal((ContainerStatus.Exited, 137), (lost.Status, lost.ExitCode));
    }

    [Fact]
    public async Task A_log_keeps_streams_lines_and_what_never_ended()
    {
        string path = _directory["log"];
        using (ContainerLogWriter log = new(path, TimeProvider.System))
        {
            log.Write(false, "one\ntw"u8);
            log.Write(true, "err\n"u8);
            log.Write(false, "o\n"u8);
            log.Write(false, Encoding.UTF8.GetBytes(new string('x', 20_000)));
        }

        List<ContainerLogLine> lines = await ReadAsync(path, null);
        Assert.Equal(["one\n", "err\n", "two\n"], lines.Take(3).Select(line => line.Text));
        Assert.True(lines[1].IsStandardError);
        Assert.Equal(20_000, lines.Skip(3).Sum(line => line.Text.Length));
        Assert.Equal(lines.TakeLast(2), await ReadAsync(path, 2));
        Assert.Empty(await ReadAsync(_directory["missing"], null));
    }

    [Fact]
    public async Task Following_a_log_sees_lines_that_come_later_and_ends_with_the_container()
    {
        string path = _directory["log"];
        using ContainerLogWriter log = new(path, TimeProvider.System);
        log.Write(false, "first\n"u8);
        bool isLive = true;
        List<string> seen = [];
        await foreach (ContainerLogLine line in ContainerLog.ReadAsync(path, null, () => isLive, TestContext.Current.CancellationToken))
        {
            seen.Add(line.Text);
            switch (seen.Count)
            {
                case 1:
                    log.Write(false, "second\n"u8);
                    break;
                case 2:
                    log.Write(false, "last\n"u8);
                    isLive = false;
                    break;
            }
        }

        Assert.Equal(["first\n", "second\n", "last\n"], seen);
    }

    private static async Task<List<ContainerLogLine>> ReadAsync(string path, int? tail)
    {
        List<ContainerLogLine> lines = [];
        await foreach (ContainerLogLine line in ContainerLog.ReadAsync(path, tail, () => false, TestContext.Current.CancellationToken))
        {
            lines.Add(line);
        }

        return lines;
    }

    private static ContainerRecord New(char digit) =>
        ContainerRequest.EmptyTemplate with { Id = new string(digit, 64), Created = DateTimeOffset.UnixEpoch };
}
