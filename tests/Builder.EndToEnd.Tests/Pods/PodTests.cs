// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Nodes;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>The published executable in containers that are what pods are: the rung each gets, and the same bits on all.</summary>
public sealed class PodTests(Bases bases) : IClassFixture<Bases>
{
    // Times are set: nothing else of it depends on the moment.
    private const string Example = """
        FROM busybox
        WORKDIR /app
        COPY requirements.txt /app/
        RUN --mount=type=cache,target=/root/.cache cat requirements.txt > installed && mkdir -p data/x && echo 1 > data/x/f \
         && ln data/x/f data/g && ln -s x data/l && chown -R 33:33 data && chmod 2750 data && chmod 4755 data/x/f \
         && echo cached > /root/.cache/f && rm /etc/group && rm -r /home && mkdir /home \
         && touch -h -d @1700000000 installed data/x/f data/l data/x data . /etc /home /root /app
        COPY src/ /app/src/
        RUN stat -c '%n %a %u %g %F' data data/x/f > listing && : >> requirements.txt && sed -i s/root/ROOT/ /etc/passwd \
         && touch -d @1700000000 listing /etc/passwd . /etc
        USER www-data
        ENTRYPOINT ["cat", "src/main.py", "listing"]
        """;

    public static TheoryData<string, string, bool> Profiles { get; } = new()
    {
        { nameof(PodProfile.Root), "chroot", true },
        { nameof(PodProfile.RootUnconfined), "userns", true },
        { nameof(PodProfile.UserUnconfined), "userns-single", true },
        { nameof(PodProfile.OpenShift), "userns-single", true },
        { nameof(PodProfile.Root), "chroot", false },
        { nameof(PodProfile.UserUnconfined), "userns-single", false },
        { nameof(PodProfile.Restricted), "trace", true },
        { nameof(PodProfile.RootWithoutCapabilities), "trace", true },
        { nameof(PodProfile.Restricted), "trace", false },
    };

    [PodTheory]
    [MemberData(nameof(Profiles))]
    public void A_pod_finds_its_rung_and_builds_the_layers_that_root_of_the_machine_builds(string profile, string rung, bool hasVolume)
    {
        using var pod = new Pod(PodProfile.Find(profile), hasVolume);
        pod.Write("Dockerfile", Example);
        pod.Write("requirements.txt", "x\n");
        pod.Write("src/main.py", "one\n");
        string name = $"{bases.Registry}/pods/{Guid.NewGuid():N}:1";

        JsonNode info = JsonNode.Parse(pod.Ok("info", "-f", "json").Output)!;
        CommandResult build = pod.Ok(["build", .. bases.Mirror, "--progress", "plain", "-t", name, "/work"]);
        pod.Ok("push", "-q", name);

        Assert.Equal(rung, info["Isolation"]!.GetValue<string>());
        Assert.Contains($"isolation: {rung} (native: ", build.Error, StringComparison.Ordinal);
        Assert.Empty(pod.Leftovers());
        using var bld = new Bld();
        string context = bld.Context(
            "app", Example, ("requirements.txt", "x\n"), ("src/main.py", "one\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", "native", context]);
        Assert.Equal(bld.DiffIds("native"), pod.DiffIds(name));
        Assert.Equal(
            "one\ndata 2750 33 33 directory\ndata/x/f 4755 33 33 regular file",
            bld.Ok("run", "--rm", name).Text);
    }

    [PodFact]
    public void A_rung_that_a_pod_forbids_is_refused_with_the_closed_door()
    {
        using var pod = new Pod(PodProfile.Root);
        pod.Write("Dockerfile", "FROM busybox\nRUN true\n");

        CommandResult native = pod.Run("build", "--isolation", "native", "/work");
        CommandResult single = pod.Run("build", "--isolation", "userns-single", "/work");

        Assert.Equal((1, 1), (native.ExitCode, single.ExitCode));
        Assert.Contains("it needs CAP_SYS_ADMIN", native.Error, StringComparison.Ordinal);
        Assert.Contains("user namespaces are forbidden; allow them in the seccomp profile", single.Error, StringComparison.Ordinal);
    }

    [PodFact]
    public void Root_of_a_pod_makes_devices_and_runs_containers_in_the_foreground()
    {
        using var pod = new Pod(PodProfile.Root);
        pod.Write("Dockerfile", "FROM busybox\nRUN mknod -m 640 /node c 1 3 && chown 1:2 /node && stat -c '%a %u %g %t:%T' /node\n");

        CommandResult build = pod.Ok(["build", .. bases.Mirror, "--progress", "plain", "-t", "x", "/work"]);
        CommandResult run = pod.Ok("run", "--rm", "x", "sh", "-c", "stat -c '%a %u %g %t:%T' /node; id -u; ls /proc/self 2>&1 || :");
        CommandResult detached = pod.Run("run", "-d", "x", "true");

        Assert.Contains(" 640 1 2 1:3\n", build.Error, StringComparison.Ordinal);
        Assert.StartsWith("640 1 2 1:3\n0\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("no namespaces", run.Error, StringComparison.Ordinal);
        Assert.Equal(125, detached.ExitCode);
        Assert.Empty(pod.Leftovers());
    }

    [PodFact]
    public void Builds_without_run_need_no_isolation()
    {
        using var pod = new Pod(PodProfile.Restricted);
        pod.Write("Dockerfile", "FROM busybox\nWORKDIR /app\nCOPY --chown=33:33 --chmod=4755 file /app/\n");
        pod.Write("file", "x\n");
        pod.Ok(["build", .. bases.Mirror, "-t", "x", "/work"]);

        using var bld = new Bld();
        string context = bld.Context(
            "app", "FROM busybox\nWORKDIR /app\nCOPY --chown=33:33 --chmod=4755 file /app/\n", ("file", "x\n"));
        bld.Ok(["build", .. bases.Mirror, "-t", "native", context]);
        Assert.Equal(bld.DiffIds("native"), pod.DiffIds("x"));
    }

    [PodTheory]
    [InlineData(nameof(PodProfile.Root))]
    [InlineData(nameof(PodProfile.Restricted))]
    public void A_step_of_a_pod_sees_nothing_of_the_builder(string profile)
    {
        using var pod = new Pod(PodProfile.Find(profile));
        pod.Write("secret-of-the-context", "CONTEXT-SECRET\n");
        pod.Write(".dockerignore", "secret-of-the-context\n");
        pod.Write(
            "Dockerfile",
            """
            FROM busybox
            RUN exec 2>&1; echo "pid $$"; ls -a /; ls /proc; env | sort; cat /store/format /work/secret-of-the-context; \
                for p in 1 $(seq 1 60); do [ $p = $$ ] || ! kill -9 $p || echo ki"lled $p"; done; \
                mkdir /deep; chroot /deep /busybox true; mknod /disk b 8 0 && cat /disk; ls /proc/1/root; echo end
            """);

        CommandResult build = pod.Run(
            ["/bld", "build", .. bases.Mirror, "--progress", "plain", "/work"],
            ["CI_TOKEN=TOP-SECRET"]).Succeeded();

        Assert.Contains(" end\n", build.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("TOP-SECRET", build.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("CONTEXT-SECRET\n", build.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("bld store", build.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("killed", build.Error, StringComparison.Ordinal);
    }
}
