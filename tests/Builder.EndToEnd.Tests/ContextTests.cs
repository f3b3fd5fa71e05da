// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>Contexts from elsewhere, and what they may not reach.</summary>
public sealed class ContextTests
{
    private const string Git = "git -c user.name=a -c user.email=a@b -c protocol.file.allow=always";

    [RootFact]
    public void A_repository_on_a_plain_web_server_is_fetched_with_its_submodules_whatever_its_branch_is_called()
    {
        using var bld = new Bld();
        using var server = new WebServer(bld["web"]);
        // a server without git's protocol gives no commit by name and no short history
        Command.Shell($"""
            cd {bld["web"]}
            for name in master trunk; do
              git init -q -b $name $name-work; cd $name-work
              printf 'FROM scratch\nCOPY . /\n' > Dockerfile; echo $name > file
              if [ $name = trunk ]; then {Git} submodule --quiet add {server.Url}/master.git module; fi
              git add -A; {Git} commit -qm one; cd ..
              git clone -q --bare $name-work $name.git; git -C $name.git update-server-info
            done
            """).Succeeded();
        bld.Ok("build", "-o", bld["one"], $"{server.Url}/master.git");
        Assert.Equal("master\n", File.ReadAllText(bld["one/file"]));
        bld.Ok("build", "-o", bld["two"], $"{server.Url}/trunk.git#trunk");
        Assert.Equal("trunk\n", File.ReadAllText(bld["two/file"]));
        Assert.Equal("master\n", File.ReadAllText(bld["two/module/file"]));
        bld.Ok("build", "-o", bld["three"], $"{server.Url}/trunk.git?submodules=false");
        Assert.Empty(Directory.GetFileSystemEntries(bld["three/module"]));
    }

    [RootFact]
    public void A_link_in_a_context_leads_nowhere_outside_of_it()
    {
        using var bld = new Bld();
        string context = bld.Context("c", "FROM scratch\nCOPY link/passwd /\n", ("a", "a"));
        File.CreateSymbolicLink(Path.Combine(context, "link"), "/etc");
        CommandResult copy = bld.Run("build", context).Failed(1);
        Assert.Contains("\"link\" is a symbolic link to \"/etc\", which is not there", copy.Error, StringComparison.Ordinal);
        File.Delete(Path.Combine(context, "Dockerfile"));
        File.CreateSymbolicLink(Path.Combine(context, "Dockerfile"), "/etc/passwd");
        CommandResult read = bld.Run("build", context).Failed(1);
        Assert.Contains("symbolic link to \"/etc/passwd\", which is not in the build context", read.Error, StringComparison.Ordinal);
        new Command("tar", "-C", context, "-cf", bld["c.tar"], ".").Run().Succeeded();
        Assert.DoesNotContain("root:", bld.Run("build", bld["c.tar"]).Failed(1).ToString(), StringComparison.Ordinal);
        Assert.Contains("it is a directory", bld.Run("build", "-f", context, context).Failed(1).Error, StringComparison.Ordinal);
    }

    /// <summary>A directory on loopback, without anything that git could talk to.</summary>
    private sealed class WebServer : IDisposable
    {
        private readonly Process _process;

        public WebServer(string directory)
        {
            Directory.CreateDirectory(directory);
            int port = RegistryServer.FreePort();
            Url = $"http://127.0.0.1:{port}";
            _process = new Command(
                "python3", "-m", "http.server", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "-d", directory)
                .Start();
            _process.OutputDataReceived += (_, _) => { };
            _process.ErrorDataReceived += (_, _) => { };
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
            RegistryServer.WaitForPort(port);
        }

        public string Url { get; }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
