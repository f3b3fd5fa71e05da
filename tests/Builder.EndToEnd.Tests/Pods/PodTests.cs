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
         && mknod data/null c 1 3 && echo cached > /root/.cache/f && rm /etc/group && rm -r /home && mkdir /home \
         && touch -h -d @1700000000 installed data/x/f data/l data/null data/x data . /etc /home /root /app
        COPY src/ /app/src/
        RUN stat -c '%n %a %u %g %F' data data/x/f data/null > listing && : >> requirements.txt && sed -i s/root/ROOT/ /etc/passwd \
         && touch -d @1700000000 listing /etc/passwd . /etc
        USER www-data
        ENTRYPOINT ["cat", "src/main.py", "listing"]
        """;

    public static TheoryData<string, string> Profiles { get; } = new()
    {
        { nameof(PodProfile.Root), "chroot" },
        { nameof(PodProfile.RootUnconfined), "userns" },
        { nameof(PodProfile.UserUnconfined), "userns-single" },
        { nameof(PodProfile.OpenShift), "userns-single" },
    };

    [PodTheory]
    [MemberData(nameof(Profiles))]
    public void A_pod_finds_its_rung_and_builds_the_layers_that_root_of_the_machine_builds(string profile, string rung)
    {
        using var pod = new Pod(Find(profile));
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
            "one\ndata 2750 33 33 directory\ndata/x/f 4755 33 33 regular file\ndata/null 644 0 33 character special file",
            bld.Ok("run", "--rm", name).Text);
    }

    [PodFact]
    public void A_rung_that_a_pod_forbids_is_refused_with_the_closed_door()
    {
        using var pod = new Pod(PodProfile.Root);
        pod.Write("Dockerfile", "FROM busybox\nRUN true\n");

        CommandResult native = pod.Run("build", "--isolation", "native", "/work");
        CommandResult single = pod.Run("build", "--isolation", "userns-single", "/work");

        Assert.Equal((125, 125), (native.ExitCode, single.ExitCode));
        Assert.Contains("it needs CAP_SYS_ADMIN", native.Error, StringComparison.Ordinal);
        Assert.Contains("user namespaces are forbidden; allow them in the seccomp profile", single.Error, StringComparison.Ordinal);
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

    [PodFact]
    public void A_step_as_root_of_a_pod_sees_nothing_of_the_builder()
    {
        using var pod = new Pod(PodProfile.Root);
        pod.Write("secret-of-the-context", "CONTEXT-SECRET\n");
        pod.Write(".dockerignore", "secret-of-the-context\n");
        pod.Write(
            "Dockerfile",
            """
            FROM busybox
            RUN exec 2>&1; echo "pid $$"; ls -a /; ls /proc; env | sort; cat /store/format /work/secret-of-the-context; \
                for p in 1 $(seq 1 60); do kill -9 $p && [ $p != $$ ] && echo "killed $p"; done; \
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

    private static PodProfile Find(string name) =>
        (PodProfile)typeof(PodProfile).GetProperty(name)!.GetValue(null)!;
}
