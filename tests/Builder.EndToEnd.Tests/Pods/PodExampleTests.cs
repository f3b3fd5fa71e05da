// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>
/// Real applications in every kind of pod: the rung, the same layers as native, a push, and the result run in the pod and
/// outside. BLD_POD_MATRIX=all runs all combinations, BLD_POD_MATRIX=NAME,... those of some profiles; without it some.
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
        (nameof(PodProfile.CrioRoot), "trace"),
        (nameof(PodProfile.CrioRootWithSetfcap), "userns"),
        (nameof(PodProfile.UserNamespace), "trace"),
        (nameof(PodProfile.UserNamespaceUnconfined), "userns"),
        (nameof(PodProfile.Privileged), "native"),
    ];

    // Cheap ones, and one of each that is not.
    private static readonly string[] s_usual =
    [
        nameof(PodProfile.Root), nameof(PodProfile.Restricted), nameof(PodProfile.RestrictedUnconfined),
        nameof(PodProfile.RootUnconfined), nameof(PodProfile.OpenShift), nameof(PodProfile.UserNamespaceUnconfined),
        nameof(PodProfile.Privileged),
    ];

    /// <summary>Profile, rung, whether /proc is masked, examples.</summary>
    public static TheoryData<string, string, bool, string> Cases()
    {
        const string All = $"{PodExamples.Guide} {PodExamples.Debian} {PodExamples.Tools}";
        string[] wanted = Environment.GetEnvironmentVariable("BLD_POD_MATRIX")?.Split(',') ?? [];
        var cases = new TheoryData<string, string, bool, string>();
        foreach ((string profile, string rung) in s_profiles)
        {
            if (wanted.Contains(profile) || wanted.Contains("all"))
            {
                cases.Add(profile, rung, true, All);
                cases.Add(profile, rung, false, All);
            }
            else if (wanted.Length == 0 && s_usual.Contains(profile))
            {
                cases.Add(
                    profile, rung, true,
                    profile == nameof(PodProfile.Restricted) ? $"{PodExamples.Guide} {PodExamples.Tools}"
                        : profile == nameof(PodProfile.Root) ? $"{PodExamples.Guide} {PodExamples.Debian}"
                        : PodExamples.Guide);
            }
        }

        return cases;
    }

    [PodTheory]
    [MemberData(nameof(Cases))]
    public void A_pod_builds_pushes_and_runs_applications(string profile, string rung, bool isProcMasked, string applications)
    {
        using var pod = new Pod(PodProfile.Find(profile) with { IsProcMasked = isProcMasked });
        foreach (string example in applications.Split(' '))
        {
            foreach ((string path, string text) in PodExamples.Files(example))
            {
                pod.Write(path, text);
            }

            string[] expected = examples.NativeLayers(example);
            string name = $"{examples.Registry}/pods/{Guid.NewGuid():N}:1";
            var watch = Stopwatch.StartNew();
            CommandResult build = pod.Ok(["build", .. examples.Flags(name), "/work"]);
            TimeSpan built = watch.Elapsed;
            Assert.True(build.Error.Split([' ', '\n'])[1] == rung, build.Error);
            if (!expected.SequenceEqual(pod.DiffIds(name)))
            {
                pod.Ok("save", "-o", "/work/image.tar", name);
                examples.Native.Ok("save", "-o", examples.Native["image.tar"], example);
                Assert.Fail(ImageDifference.Describe(examples.Native["image.tar"], pod.Work("image.tar")));
            }

            pod.Ok("push", "-q", name);
            Assert.Empty(pod.Leftovers());
            watch.Restart();
            RunInside(pod, name, example);
            TimeSpan ran = watch.Elapsed;
            RunOutside(name, example);
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{profile,-26} {(isProcMasked ? "masked" : "unmasked"),-8} {example,-6} {rung,-13} build {built.TotalSeconds,5:F1} s, run {ran.TotalSeconds,4:F1} s"));
        }
    }

    private static void RunInside(Pod pod, string name, string example) =>
        Assert.Equal(PodExamples.Expected(example), pod.Ok(["run", "--rm", .. PodExamples.Command(example, name)]).Text);

    private void RunOutside(string name, string example)
    {
        examples.Outside.Ok("pull", "-q", name);
        Assert.Equal(
            PodExamples.Expected(example),
            example == PodExamples.Guide
                ? examples.AskPublished(name).Trim()
                : examples.Outside.Ok(["run", "--rm", .. PodExamples.Command(example, name)]).Text);
    }
}
