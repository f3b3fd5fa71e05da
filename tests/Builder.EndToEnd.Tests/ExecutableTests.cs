// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>
/// Writing to the builder's own executable from a container (CVE-2019-5736): an image whose command is
/// <c>#!/proc/self/exe</c> makes the kernel execute the process that starts it, which then shows in the container's /proc.
/// </summary>
public sealed class ExecutableTests(Bases bases) : IClassFixture<Bases>
{
    private const int Attempts = 15;

    // Tries every process of the container, all the time; reports only what it could open for writing.
    private const string Attack = """
        while :; do
          for p in /proc/[0-9]*; do
            case $(readlink $p/exe) in */busybox) continue ;; esac
            if (: >> $p/exe) 2> /dev/null; then echo pwned >> $p/exe; fi
          done
        done
        """;

    [RootFact]
    public void A_command_that_is_the_builder_again_cannot_change_it()
    {
        using var bld = new Bld();
        string copy = bld["copy/bld"];
        Directory.CreateDirectory(bld["copy"]);
        File.Copy(Bld.Executable, copy);
        byte[] before = SHA256.HashData(File.ReadAllBytes(copy));
        string context = bld.Context(
            "app",
            """
            FROM busybox
            COPY --chmod=755 evil attack /
            RUN ln -s /proc/self/exe /link
            """,
            ("evil", "#!/proc/self/exe\n"), ("attack", Attack));
        Command Own(params IEnumerable<string> arguments) =>
            new Command(copy, arguments).With("BLD_ROOT", bld.Root);

        Own(["build", .. bases.Mirror, "-t", "evil", context]).Run().Succeeded();
        foreach (string command in (string[])["/evil", "/link"])
        {
            bld.Write("step/Dockerfile", $"FROM evil\nRUN [\"{command}\", \"--version\"]\n");
            Own(["build", bld["step"]]).Run();
            Own("run", "--rm", "evil", command, "--version").Run();
        }

        string id = Own("run", "-d", "evil", "sh", "/attack").Run().Succeeded().Text;
        for (int i = 0; i < Attempts; i++)
        {
            Own("exec", id, i % 2 == 0 ? "/evil" : "/link", "--version").Run();
        }

        Own("rm", "-f", id).Run().Succeeded();
        Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(copy)));
    }
}
