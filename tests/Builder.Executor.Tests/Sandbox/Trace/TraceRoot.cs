// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Sandbox.Trace;
using Builder.Solver.Files;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Builder.Executor.Tests.Sandbox.Trace;

/// <summary>A plain directory with the machine's static busybox, in which commands run under the tracer.</summary>
internal sealed class TraceRoot : IDisposable
{
    private readonly TestRoot _root = new();
    private int _commands;

    public TraceRoot()
    {
        Owners = new OwnerStore(OwnershipMode.SingleIdShadowedModes, Path.Join(_root.Directory_, "owners"));
    }

    public string Directory_ => _root.Lower;

    public string Outside => _root.Directory_;

    public OwnerStore Owners { get; }

    public RecordedAttributes Read(string path)
    {
        byte[] name = PathEncoding.Encode(Path.Join(Directory_, path));
        return Owners.Read(AtCalls.CurrentDirectory, name, AtCalls.Stat(AtCalls.CurrentDirectory, name));
    }

    public string Output(string script, Func<TraceSpec, TraceSpec>? change = null)
    {
        (ExitStatus status, string output, string error) = Run(script, change);
        Assert.True(status.IsSuccess, $"{status}: {output}{error}");
        return output;
    }

    public (ExitStatus Status, string Output, string Error) Run(
        string script, Func<TraceSpec, TraceSpec>? change = null)
    {
        string scratch = Path.Join(_root.Directory_, $"scratch{_commands++}");
        Directory.CreateDirectory(scratch);
        using FileDescriptor root = AtCalls.Open(Directory_, OpenFlags.DirectoryPath);
        var spec = new TraceSpec
        {
            Root = root,
            Owners = Owners,
            Scratch = scratch,
            Arguments = ["sh", "-c", script],
            Environment = ["PATH=/bin:/usr/bin", "HOME=/root"],
            Hostname = "box",
        };
        return Run(change?.Invoke(spec) ?? spec);
    }

    public static (ExitStatus Status, string Output, string Error) Run(TraceSpec spec)
    {
        (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        (SafeFileHandle errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
        using (outputRead)
        using (errorRead)
        {
            TracedCommand command;
            using (outputWrite)
            using (errorWrite)
            using (SafeFileHandle input = File.OpenHandle("/dev/null"))
            {
                command = TracedCommand.Start(spec, new SandboxIo.Streams(input, outputWrite, errorWrite));
            }

            using (command)
            {
                var output = new StringBuilder();
                var error = new StringBuilder();
                bool inTime = OutputPump.Run(
                    command.Process, outputRead, errorRead,
                    (isError, bytes) => (isError ? error : output).Append(Encoding.UTF8.GetString(bytes)),
                    Environment.TickCount64 + 60_000);
                Assert.True(inTime, $"the command hangs: {output}{error}");
                return (command.Process.Wait(), output.ToString(), error.ToString());
            }
        }
    }

    /// <summary>Compiles a static programme into the root's /bin.</summary>
    public void Compile(string name, string source)
    {
        string file = Path.Join(Outside, name + ".c");
        File.WriteAllText(file, source);
        ProcessResult compiled = ProcessStarter.Run(
            new ProcessRequest("/usr/bin/gcc", "-static", "-pthread", "-O1", "-o", Path.Join(Directory_, "bin", name), file),
            TestContext.Current.CancellationToken);
        Assert.True(compiled.Status.IsSuccess, compiled.ErrorText);
    }

    public void Dispose() => _root.Dispose();
}
