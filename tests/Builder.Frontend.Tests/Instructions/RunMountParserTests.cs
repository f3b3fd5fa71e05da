// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;
using Xunit;

namespace Builder.Frontend.Tests.Instructions;

public sealed class RunMountParserTests
{
    [Fact]
    public void Bind_is_the_default_and_every_option_has_its_short_name()
    {
        var expected = new RunMount { Type = RunMountType.Bind, Target = "/t", Source = "s", From = "stage", ReadWrite = true };
        Assert.Equal(expected, RunMountParser.Parse("target=/t,source=s,from=stage,readwrite"));
        Assert.Equal(expected, RunMountParser.Parse("type=bind,dst=/t,src=s,from=stage,rw"));
        Assert.Equal(expected, RunMountParser.Parse("TYPE=BIND,destination=/t,src=s,from=stage,rw=true"));
        Assert.Equal(expected with { ReadWrite = false }, RunMountParser.Parse("dst=/t,src=s,from=stage,rw=0"));
        Assert.Equal(expected with { ReadWrite = false }, RunMountParser.Parse("dst=/t,src=s,from=stage,ro"));
        Assert.Equal(expected with { ReadWrite = null }, RunMountParser.Parse("dst=/t,src=s,from=stage"));
    }

    [Fact]
    public void Cache_takes_id_sharing_mode_and_owner()
    {
        Assert.Equal(
            new RunMount
            {
                Type = RunMountType.Cache,
                Target = "/c",
                Id = "x",
                Sharing = CacheSharing.Locked,
                Mode = 0x1ED,
                UserId = 1,
                GroupId = 4294967295,
            },
            RunMountParser.Parse("type=cache,target=/c,id=x,sharing=LOCKED,mode=0755,uid=1,gid=4294967295"));
    }

    [Fact]
    public void Secret_and_ssh_may_be_required_before_the_type_is_known()
    {
        Assert.True(RunMountParser.Parse("required,type=secret,id=x").Required);
        Assert.False(RunMountParser.Parse("type=ssh,required=false").Required);
        Assert.Equal("TOKEN", RunMountParser.Parse("type=secret,id=x,env=TOKEN").EnvironmentVariable);
    }

    [Theory]
    [InlineData("100", 100)]
    [InlineData("64m", 64L << 20)]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("2kB", 2048)]
    [InlineData("1 MiB", 1 << 20)]
    public void Tmpfs_takes_a_size(string size, long bytes) =>
        Assert.Equal(bytes, RunMountParser.Parse($"type=tmpfs,target=/t,size={size}").SizeBytes);

    [Fact]
    public void Fields_are_a_csv_record() =>
        Assert.Equal("/a,\"b", RunMountParser.Parse("type=cache,\"target=/a,\"\"b\"").Target);

    [Fact]
    public void Comma_out_of_a_variable_begins_no_option()
    {
        RunMount mount = RunMountParser.Parse("type=cache,target=$x", static text => text == "$x" ? "/a,from=evil" : text);
        Assert.Equal(("/a,from=evil", null), (mount.Target, mount.From));
    }

    [Theory]
    [InlineData("", "the value is empty")]
    [InlineData("typ=cache", "unexpected key 'typ' in 'typ=cache' (did you mean type?)")]
    [InlineData("type=tmp", "unsupported mount type \"tmp\" (did you mean tmpfs?)")]
    [InlineData("type=cache,sharing=share", "unsupported sharing value \"share\" (did you mean shared?)")]
    [InlineData("type=cache,targt", "invalid field 'targt' must be a key=value pair (did you mean target?)")]
    [InlineData("type=bind,size=1", "unexpected key 'size' for mount type 'bind'")]
    [InlineData("type=cache,required", "unexpected key 'required' for mount type 'cache'")]
    [InlineData("type=cache,env=X", "unexpected key 'env' for mount type 'cache'")]
    [InlineData("type=tmpfs,uid=0", "uid not allowed for \"tmpfs\" type mounts")]
    [InlineData("type=secret", "one of source, target required")]
    [InlineData("type=secret,id=a,src=b", "both source and id can't be set")]
    [InlineData("type=secret,id=a,from=b", "secret mount should not have a from")]
    [InlineData("type=bind,sharing=shared", "invalid cache sharing set for bind mount")]
    [InlineData("type=cache,mode=8", "invalid value 8 for mode")]
    [InlineData("type=cache,mode=10000", "invalid value 10000 for mode")]
    [InlineData("type=cache,gid=x", "invalid value x for gid")]
    [InlineData("type=bind,ro=maybe", "invalid value for ro: maybe")]
    [InlineData("type=cache,\"target=/a", "in quoted field")]
    [InlineData("type=cache,tar\"get=/a", "in non-quoted field")]
    public void Wrong_options_are_named(string value, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<FormatException>(() => RunMountParser.Parse(value)).Message, StringComparison.Ordinal);
}
