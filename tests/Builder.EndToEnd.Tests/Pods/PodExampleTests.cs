// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>
/// Real applications in every kind of pod: the rung, the same layers as native, a push, and the result run in the pod and
/// outside. All combinations are run with BLD_POD_MATRIX=1; without it those that show something of their own.
/// </summary>
public sealed class PodExampleTests(PodExamples examples) : IClassFixture<PodExamples>
{
    private static readonly (string Profile, string Rung)[] s_profiles =
    [
        (nameof(PodProfile.Root), "chroot"),
        (nameof(PodProfile.RootWithoutCapabilities), "trace"),
        (nameof(PodProfile.Restricted), "trace"),
        (nameof(PodProfile.RestrictedUnconfined), "userns-single"),
        (nameof(PodProfile.RootUnconfined), "userns"),
        (nameof(PodProfile.OpenShift), "userns-single"),
        (nameof(PodProfile.CrioRoot), "userns"),
        (nameof(PodProfile.UserNamespace), "chroot"),
        (nameof(PodProfile.UserNamespaceUnconfined), "userns"),
        (nameof(PodProfile.Privileged), "native"),
    ];

    private static bool IsWhole => Environment.GetEnvironmentVariable("BLD_POD_MATRIX") == "1";

    /// <summary>Profile, rung, whether /proc is masked, example.</summary>
    public static TheoryData<string, string, bool, string> Cases()
    {
        var cases = new TheoryData<string, string, bool, string>();
        foreach ((string profile, string rung) in s_profiles)
        {
            foreach (bool isMasked in (bool[])[true, false])
            {
                foreach (string example in (string[])[PodExamples.Guide, PodExamples.Debian])
                {
                    if (IsWhole || (isMasked && (example == PodExamples.Guide || rung is "chroot" or "trace")))
                    {
                        cases.Add(profile, rung, isMasked, example);
                    }
                }
            }
        }

        return cases;
    }

    [PodTheory]
    [MemberData(nameof(Cases))]
    public void A_pod_builds_pushes_and_runs_an_application(string profile, string rung, bool isProcMasked, string example)
    {
        using var pod = new Pod(PodProfile.Find(profile) with { IsProcMasked = isProcMasked });
        foreach ((string path, string text) in PodExamples.Files(example))
        {
            pod.Write(path, text);
        }

        string[] expected = examples.NativeLayers(example);
        string name = $"{examples.Registry}/pods/{Guid.NewGuid():N}:1";
        var watch = System.Diagnostics.Stopwatch.StartNew();
        CommandResult build = pod.Ok(["build", .. examples.Flags(name), "/work"]);
        TimeSpan built = watch.Elapsed;
        Assert.Contains($"isolation: {rung} ", build.Error, StringComparison.Ordinal);
        if (!expected.SequenceEqual(pod.DiffIds(name)))
        {
            pod.Ok("save", "-o", "/work/image.tar", name);
            examples.Native.Ok("save", "-o", examples.Native["image.tar"], example);
            Assert.Fail(ImageDifference.Describe(examples.Native["image.tar"], pod.Work("image.tar")));
        }

        pod.Ok("push", "-q", name);
        Assert.Empty(pod.Leftovers());
        examples.Outside.Ok("pull", "-q", name);
        (string[] command, string seen) = example == PodExamples.Guide
            ? (new[] { "--entrypoint", "python", name, "-c", PodExamples.Ask }, "Hola desde un contenedor!")
            : ([name, "sh", "-c", PodExamples.Look], PodExamples.Seen);
        watch.Restart();
        CommandResult inside = pod.Ok(["run", "--rm", .. command]);
        TimeSpan ran = watch.Elapsed;
        Assert.Equal(seen, inside.Text);
        Assert.Equal(
            seen, example == PodExamples.Guide
                ? examples.AskPublished(name).Trim()
                : examples.Outside.Ok(["run", "--rm", .. command]).Text);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{profile,-26} {(isProcMasked ? "masked" : "unmasked"),-8} {example,-6} {rung,-13} build {built.TotalSeconds,5:F1} s, run {ran.TotalSeconds,4:F1} s"));
    }
}
