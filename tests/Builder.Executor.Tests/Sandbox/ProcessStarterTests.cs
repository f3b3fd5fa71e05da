// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>Helper programmes of the host.</summary>
public sealed class ProcessStarterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Output_error_and_status_come_back()
    {
        ProcessResult result = Shell("echo out; echo err >&2; exit 3");

        Assert.Equal((3, "out\n", "err\n"), (result.ExitCode, result.OutputText, result.ErrorText));
    }

    [Fact]
    public void Death_by_a_signal_is_128_and_its_number()
    {
        ProcessResult result = Shell("kill -TERM $$");

        Assert.Equal((15, 143), (result.Status.Signal, result.ExitCode));
    }

    [Fact]
    public void Input_larger_than_a_pipe_is_fed_while_output_is_read()
    {
        byte[] input = Encoding.ASCII.GetBytes(new string('x', 500_000));

        ProcessResult result = ProcessStarter.Run(new ProcessRequest("cat") { StandardInput = input }, Token);

        Assert.Equal(input, result.StandardOutput.ToArray());
    }

    [Fact]
    public void Output_beyond_the_limit_is_dropped_and_does_not_block()
    {
        ProcessResult result = ProcessStarter.Run(
            new ProcessRequest("head", "-c", "3000000", "/dev/zero") { MaxOutputBytes = 1000 }, Token);

        Assert.Equal((0, 1000), (result.ExitCode, result.StandardOutput.Length));
    }

    [Fact]
    public void A_programme_that_does_not_exist_is_named()
    {
        SandboxException failure = Assert.Throws<SandboxException>(
            () => ProcessStarter.Run(new ProcessRequest("no-such-programme"), Token));

        Assert.Equal((Errno.ENOENT, true), (failure.Errno, failure.IsCommandFailure));
        Assert.Contains("no-such-programme", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_programme_fails_in_execve()
    {
        SandboxException failure = Assert.Throws<SandboxException>(
            () => ProcessStarter.Run(new ProcessRequest("/etc/passwd"), Token));

        Assert.Equal(("execve", Errno.EACCES), (failure.Syscall, failure.Errno));
    }

    [Fact]
    public void A_timeout_kills()
    {
        ProcessResult result = ProcessStarter.Run(
            new ProcessRequest("sleep", "100") { Timeout = TimeSpan.FromMilliseconds(50) }, Token);

        Assert.Equal((true, Libc.SigKill), (result.HasTimedOut, result.Status.Signal));
    }

    [Fact]
    public void Cancellation_kills()
    {
        using var source = new CancellationTokenSource(50);

        Assert.Throws<OperationCanceledException>(
            () => ProcessStarter.Run(new ProcessRequest("sleep", "100"), source.Token));
    }

    [Fact]
    public void Signals_and_descriptors_are_those_of_a_fresh_process()
    {
        ProcessResult result = Shell("grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd");

        Assert.Equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n1\n2\n3\n", result.OutputText);
    }

    [Fact]
    public void Passed_descriptors_arrive_in_order()
    {
        (var read, var write) = Libc.CreatePipe();
        using (read)
        {
            using (write)
            {
                ProcessResult result = ProcessStarter.Run(
                    new ProcessRequest("sh", "-c", "echo hello >&3; ls /proc/self/fd")
                    {
                        PassedDescriptors = [(int)write.DangerousGetHandle()],
                    },
                    Token);
                Assert.Equal("0\n1\n2\n3\n4\n", result.OutputText);
            }

            byte[] bytes = new byte[16];
            Assert.Equal("hello\n", Encoding.ASCII.GetString(bytes, 0, Libc.ReadSome(read, bytes)));
        }
    }

    [Fact]
    public void Spawning_survives_garbage_collections_and_leaks_nothing()
    {
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        using var stop = new CancellationTokenSource();
        var pressure = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = new byte[100_000];
                GC.Collect();
            }
        });
        pressure.Start();
        try
        {
            Parallel.For(0, 120, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
                Assert.Equal(0, ProcessStarter.Run(new ProcessRequest("true"), Token).ExitCode));
        }
        finally
        {
            stop.Cancel();
            pressure.Join();
        }

        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, before + 60); // other tests open files, too
    }

    private static ProcessResult Shell(string script) =>
        ProcessStarter.Run(new ProcessRequest("sh", "-c", script), Token);
}
