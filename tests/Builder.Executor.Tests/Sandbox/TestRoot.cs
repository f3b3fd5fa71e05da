// SPDX-License-Identifier: Apache-2.0

using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>A root file system of the machine's static busybox, with an upper of its own for every container.</summary>
internal sealed class TestRoot : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sandbox");

    public TestRoot()
    {
        const string Busybox = "/usr/bin/busybox";
        if (!File.Exists(Busybox))
        {
            Assert.Skip("busybox-static is not installed");
        }

        Lower = Path.Join(_directory.FullName, "lower");
        foreach (string name in (string[])["bin", "etc", "tmp", "root", "usr/bin"])
        {
            Directory.CreateDirectory(Path.Join(Lower, name));
        }

        File.Copy(Busybox, Path.Join(Lower, "bin/busybox"));
        ProcessResult list = ProcessStarter.Run(
            new ProcessRequest(Busybox, "--list"), TestContext.Current.CancellationToken);
        foreach (string applet in list.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (applet != "busybox")
            {
                File.CreateSymbolicLink(Path.Join(Lower, "bin", applet), "busybox");
            }
        }

        File.WriteAllText(Path.Join(Lower, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/bin/sh\n");
        File.WriteAllText(Path.Join(Lower, "etc/group"), "root:x:0:\nwww:x:33:\nstaff:x:50:www\n");
        NextUpper();
    }

    public string Lower { get; }

    public string Upper { get; private set; } = "";

    public string Directory_ => _directory.FullName;

    public DetachedMount Mount(bool usesUserXattrs = false)
    {
        NextUpper();
        return OverlayMount.Create(
            new OverlayDirectories([Lower], Upper, Path.Join(Path.GetDirectoryName(Upper), "work"), usesUserXattrs));
    }

    public (ExitStatus Status, string Output, string Error) Run(
        string script, Func<SandboxSpec, SandboxSpec>? change = null)
    {
        using DetachedMount root = Mount();
        var spec = new SandboxSpec
        {
            Root = root,
            Arguments = ["sh", "-c", script],
            Environment = ["PATH=/bin", "HOME=/root"],
            Hostname = "box",
        };
        return Run(change?.Invoke(spec) ?? spec, Upper);
    }

    public static (ExitStatus Status, string Output, string Error) Run(SandboxSpec spec, string? upper = null)
    {
        (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        (SafeFileHandle errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
        using (outputRead)
        using (errorRead)
        {
            SandboxProcess process;
            using (outputWrite)
            using (errorWrite)
            using (SafeFileHandle input = File.OpenHandle("/dev/null"))
            {
                process = SandboxProcess.Start(spec, new SandboxIo.Streams(input, outputWrite, errorWrite));
            }

            using (process)
            {
                var output = new StringBuilder();
                var error = new StringBuilder();
                bool inTime = OutputPump.Run(
                    process.Process, outputRead, errorRead,
                    (isError, bytes) => (isError ? error : output).Append(Encoding.UTF8.GetString(bytes)),
                    Environment.TickCount64 + 20_000);
                Assert.True(inTime, $"the container hangs: {output}{error}");
                ExitStatus status = process.Wait();
                if (upper is not null)
                {
                    process.RemoveMountPoints(upper);
                }

                return (status, output.ToString(), error.ToString());
            }
        }
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private void NextUpper()
    {
        string step = Path.Join(_directory.FullName, Guid.NewGuid().ToString("N"));
        Upper = Path.Join(step, "upper");
        Directory.CreateDirectory(Upper);
        Directory.CreateDirectory(Path.Join(step, "work"));
    }
}
