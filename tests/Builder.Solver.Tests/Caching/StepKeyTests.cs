// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;
using Builder.Solver.Caching;
using Builder.Solver.Copying;
using Builder.Solver.Images;
using Builder.Solver.Operations;
using CsCheck;
using Xunit;

namespace Builder.Solver.Tests.Caching;

/// <summary>docs/cache-keys.md, field by field. A property that is added to an operation must be decided here.</summary>
public sealed class StepKeyTests
{
    private static readonly Platform s_platform = new() { Os = "linux", Architecture = "amd64" };
    private static readonly Digest s_one = Digest.FromHex(new string('1', 64));
    private static readonly Digest s_two = Digest.FromHex(new string('2', 64));

    private static readonly RunOperation s_run = new()
    {
        Arguments = ["/bin/sh", "-c", "make"],
        Environment = ["PATH=/bin", "A=1"],
        WorkingDirectory = "/",
        User = "",
    };

    private static readonly Dictionary<string, (bool Keyed, Func<RunOperation, RunOperation> Change)> s_runChanges = new()
    {
        [nameof(RunOperation.Arguments)] = (true, run => run with { Arguments = ["/bin/sh", "-c", "make all"] }),
        [nameof(RunOperation.Environment)] = (true, run => run with { Environment = ["PATH=/bin", "A=2"] }),
        [nameof(RunOperation.UnkeyedEnvironment)] = (false, run => run with { UnkeyedEnvironment = ["no_proxy=x"] }),
        [nameof(RunOperation.WorkingDirectory)] = (true, run => run with { WorkingDirectory = "/srv" }),
        [nameof(RunOperation.User)] = (true, run => run with { User = "app" }),
        [nameof(RunOperation.Mounts)] = (true, run => run with { Mounts = [new TmpfsStepMount("/t", 0)] }),
        [nameof(RunOperation.Network)] = (true, run => run with { Network = NetworkMode.None }),
        [nameof(RunOperation.Insecure)] = (true, run => run with { Insecure = true }),
        [nameof(RunOperation.Devices)] = (true, run => run with { Devices = [new DeviceRequest("a/b=c", false, false)] }),
        [nameof(RunOperation.Platform)] = (false, run => run with { Platform = s_platform }), // the key is told which
        [nameof(RunOperation.Hostname)] = (true, run => run with { Hostname = "other" }),
        [nameof(RunOperation.ExtraHosts)] = (true, run => run with { ExtraHosts = [new HostEntry("h", "::1")] }),
        [nameof(RunOperation.ShmSizeBytes)] = (true, run => run with { ShmSizeBytes = 1 }),
        [nameof(RunOperation.Ulimits)] = (true, run => run with { Ulimits = [new Ulimit("nofile", 1, 1)] }),
        [nameof(RunOperation.PipeFiles)] = (true, run => run with { PipeFiles = [new PipeFile("EOF", "#!x")] }),
    };

    private static readonly CopyRequest s_copy = new()
    {
        Sources = ["a"],
        Destination = "/b/",
        WorkingDirectory = "/",
    };

    private static readonly Dictionary<string, (bool Keyed, Func<CopyRequest, CopyRequest> Change)> s_copyChanges = new()
    {
        [nameof(CopyRequest.Sources)] = (true, copy => copy with { Sources = ["b"] }),
        [nameof(CopyRequest.Destination)] = (true, copy => copy with { Destination = "/b" }),
        [nameof(CopyRequest.WorkingDirectory)] = (false, copy => copy with { WorkingDirectory = "/w" }),
        [nameof(CopyRequest.Owner)] = (true, copy => copy with { Owner = "1" }),
        [nameof(CopyRequest.Mode)] = (true, copy => copy with { Mode = "600" }),
        [nameof(CopyRequest.Link)] = (true, copy => copy with { Link = true }),
        [nameof(CopyRequest.Parents)] = (true, copy => copy with { Parents = true }),
        [nameof(CopyRequest.Exclude)] = (true, copy => copy with { Exclude = ["x"] }),
        [nameof(CopyRequest.Heredocs)] = (true, copy => copy with { Heredocs = [new CopyHeredoc("EOF", [1])] }),
        [nameof(CopyRequest.IsAdd)] = (true, copy => copy with { IsAdd = true }),
        [nameof(CopyRequest.Unpack)] = (true, copy => copy with { Unpack = false }),
        [nameof(CopyRequest.Epoch)] = (true, copy => copy with { Epoch = 0 }),
    };

    public static TheoryData<string> RunProperties() => [.. typeof(RunOperation).GetProperties().Where(p => p.CanWrite).Select(p => p.Name)];

    public static TheoryData<string> CopyProperties() => [.. typeof(CopyRequest).GetProperties().Where(p => p.CanWrite).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(RunProperties))]
    public void Each_property_of_a_run_changes_its_key_or_must_not(string property)
    {
        (bool keyed, Func<RunOperation, RunOperation> change) = s_runChanges[property];
        Assert.Equal(keyed, Key(s_run) != Key(change(s_run)));
    }

    [Theory]
    [MemberData(nameof(CopyProperties))]
    public void Each_property_of_a_copy_changes_its_keys_or_must_not(string property)
    {
        (bool keyed, Func<CopyRequest, CopyRequest> change) = s_copyChanges[property];
        CopyRequest changed = change(s_copy);
        Assert.Equal(keyed, StepKeys.ForCopy(s_copy, s_one, s_one).Digest != StepKeys.ForCopy(changed, s_one, s_one).Digest);
        Assert.Equal(
            keyed,
            StepKeys.ForResolvedCopy(s_copy, s_one, s_one).Digest != StepKeys.ForResolvedCopy(changed, s_one, s_one).Digest);
        Assert.Equal(keyed, StepKeys.ForSelection(s_copy, ["t"]) != StepKeys.ForSelection(changed, ["t"]));
    }

    [Fact]
    public void A_relative_destination_makes_the_working_directory_count()
    {
        CopyRequest relative = s_copy with { Destination = "./" };
        Assert.NotEqual(
            StepKeys.ForCopy(relative, s_one, s_one).Digest,
            StepKeys.ForCopy(relative with { WorkingDirectory = "/w" }, s_one, s_one).Digest);
    }

    [Fact]
    public void Parent_source_and_platform_count()
    {
        Digest[] keys =
        [
            Key(s_run),
            StepKeys.ForRun(s_run, s_platform, s_two, []).Digest,
            StepKeys.ForRun(s_run, s_platform with { Architecture = "arm64" }, s_one, []).Digest,
            StepKeys.ForCopy(s_copy, s_one, s_one).Digest,
            StepKeys.ForCopy(s_copy, s_one, s_two).Digest,
            StepKeys.ForCopy(s_copy, s_two, s_one).Digest,
            StepKeys.ForCopy(s_copy, s_one, null).Digest,
            StepKeys.ForResolvedCopy(s_copy, s_one, s_one).Digest,
            StepKeys.ForWorkdir("/a", "", null, s_one).Digest,
            StepKeys.ForWorkdir("/a", "", null, s_two).Digest,
            StepKeys.ForWorkdir("/a", "u", null, s_one).Digest,
            StepKeys.ForWorkdir("/a", "", 0, s_one).Digest,
        ];
        Assert.Distinct(keys);
    }

    [Fact]
    public void Mounts_count_by_what_a_command_can_see_of_them()
    {
        var bind = new BindStepMount("/m", LayerStack.Empty, "p", false);
        var cache = new CacheStepMount("/m", "id", CacheSharing.Shared, false, null, "", 0, 0, 0);
        var secret = new SecretStepMount("/m", "id", null, false, 0, 0, 0);
        var ssh = new SshStepMount("/m", "id", false, 0, 0, 0);
        (StepMount Mount, Digest? Source)[] seen =
        [
            (bind, s_one), (bind, s_two), (bind with { Path = "q" }, s_one), (bind with { ReadWrite = true }, s_one),
            (bind with { Target = "/n" }, s_one),
            (cache, null), (cache with { Id = "x" }, null), (cache with { ReadOnly = true }, null), (cache, s_one),
            (cache with { Mode = 1 }, null), (cache with { UserId = 1 }, null), (cache with { GroupId = 1 }, null),
            (cache with { InitialPath = "p" }, null),
            (new TmpfsStepMount("/m", 0), null), (new TmpfsStepMount("/m", 1), null),
            (secret, null), (secret with { Id = "x" }, null), (secret with { EnvironmentVariable = "E" }, null),
            (secret with { Mode = 1 }, null), (secret with { UserId = 1 }, null), (secret with { GroupId = 1 }, null),
            (ssh, null), (ssh with { Id = "x" }, null), (ssh with { Mode = 1 }, null),
        ];
        Assert.Distinct(seen.Select(mount => Key(mount.Mount, mount.Source)));

        Assert.Equal(Key(cache, null), Key(cache with { Sharing = CacheSharing.Locked }, null));
        Assert.Equal(Key(secret, null), Key(secret with { Required = true }, null));
        Assert.Equal(Key(ssh, null), Key(ssh with { Required = true }, null));
    }

    [Fact]
    public void The_order_of_variables_does_not_count() =>
        Assert.Equal(Key(s_run), Key(s_run with { Environment = ["A=1", "PATH=/bin"] }));

    [Fact]
    public void Different_lists_of_fields_never_have_one_key()
    {
        Gen<List<(string, string)>> fields = Gen.Select(Gen.String[0, 3], Gen.String[0, 3]).List[0, 4];
        Gen.Select(fields, fields).Sample(pair =>
            pair.Item1.SequenceEqual(pair.Item2) == (KeyOf(pair.Item1) == KeyOf(pair.Item2)));
    }

    [Fact]
    public void Lists_of_values_are_kept_apart_from_what_follows()
    {
        Gen<List<string>> values = Gen.String[0, 2].List[0, 3];
        Gen.Select(values, values, values, values).Sample((a, b, c, d) =>
            (a.SequenceEqual(c) && b.SequenceEqual(d))
            == (new CacheKeyBuilder("x").AddAll("v", a).AddAll("v", b).Build().Digest
                == new CacheKeyBuilder("x").AddAll("v", c).AddAll("v", d).Build().Digest));
    }

    [Fact]
    public void Records_survive_encoding_and_damage_is_a_miss()
    {
        Gen<StepRecord> records =
            from layer in Gen.Bool
            from size in Gen.Long[0, long.MaxValue]
            from created in Gen.Int[0, int.MaxValue]
            from inputs in Gen.Select(Gen.String, Gen.String, (name, value) => new KeyInput(name, value)).Array[0, 5]
            select new StepRecord(
                layer ? new DiffId(s_one) : null, size, DateTimeOffset.FromUnixTimeSeconds(created), [.. inputs]);
        Gen.Select(records, Gen.Int[0, 200]).Sample((record, cut) =>
        {
            byte[] bytes = record.Encode();
            StepRecord? whole = StepRecord.TryDecode(bytes, withInputs: true);
            Assert.Equal(record with { Inputs = [] }, whole! with { Inputs = [] });
            Assert.Equal(record with { Inputs = [] }, StepRecord.TryDecode(bytes, withInputs: false));
            StepRecord.TryDecode(bytes[..Math.Min(cut, bytes.Length)], withInputs: true);
            if (cut < bytes.Length)
            {
                Assert.Null(StepRecord.TryDecode(bytes[..cut], withInputs: true));
            }
        });
    }

    [Theory]
    [InlineData("env API_TOKEN", "x", true)]
    [InlineData("env DB_PASSWORD", "x", true)]
    [InlineData("env AUTH", "x", true)]
    [InlineData("argument", "curl https://me:pw@host/x", true)]
    [InlineData("argument", "curl https://host/x", false)]
    [InlineData("env PATH", "/bin", false)]
    public void Values_that_may_be_secret_are_told_from_others(string name, string value, bool isSensitive)
    {
        ImmutableArray<KeyInput> inputs = new CacheKeyBuilder("x").Add(name, value).Build().Describe();
        Assert.Equal(isSensitive, inputs[^1].Value.StartsWith("(hidden)", StringComparison.Ordinal));
    }

    private static Digest Key(RunOperation run) =>
        StepKeys.ForRun(run, s_platform, s_one, [.. run.Mounts.Select(_ => (Digest?)null)]).Digest;

    private static Digest Key(StepMount mount, Digest? source) =>
        StepKeys.ForRun(s_run with { Mounts = [mount] }, s_platform, s_one, [source]).Digest;

    private static Digest KeyOf(List<(string Name, string Value)> fields)
    {
        var builder = new CacheKeyBuilder("x");
        foreach ((string name, string value) in fields)
        {
            builder.Add(name, value);
        }

        return builder.Build().Digest;
    }
}
