// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using CsCheck;
using Xunit;

namespace Builder.Frontend.Tests.Naming;

public sealed class ImageReferenceTests
{
    private const string Hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("python", "docker.io/library/python:latest", "python")]
    [InlineData("python:3.12-slim", "docker.io/library/python:3.12-slim", "python")]
    [InlineData("user/app", "docker.io/user/app:latest", "user/app")]
    [InlineData("docker.io/python", "docker.io/library/python:latest", "python")]
    [InlineData("index.docker.io/a/b", "docker.io/a/b:latest", "a/b")]
    [InlineData("localhost/app", "localhost/app:latest", "localhost/app")]
    [InlineData("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app")]
    [InlineData("127.0.0.1:5005/a/b__c/d.e-f--g", "127.0.0.1:5005/a/b__c/d.e-f--g:latest", "127.0.0.1:5005/a/b__c/d.e-f--g")]
    [InlineData("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a")]
    [InlineData("Registry/app", "Registry/app:latest", "Registry/app")]
    [InlineData("app@sha256:" + Hash, "docker.io/library/app@sha256:" + Hash, "app")]
    [InlineData("app:1@sha256:" + Hash, "docker.io/library/app:1@sha256:" + Hash, "app")]
    [InlineData("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b")]
    public void Defaults_of_docker_apply(string text, string full, string familiar)
    {
        ImageReference reference = ImageReference.Parse(text);
        Assert.Equal(full, reference.ToString());
        Assert.Equal(familiar, reference.FamiliarName);
        Assert.Equal(reference, ImageReference.Parse(full));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("BUG_stage", "must be lowercase")]
    [InlineData("a:", "not a tag")]
    [InlineData("a:-x", "not a tag")]
    [InlineData("a:b c", "not a tag")]
    [InlineData("platform-", "not a part of a repository name")]
    [InlineData("a//b", "not a part of a repository name")]
    [InlineData("a___b", "not a part of a repository name")]
    [InlineData("a.-b", "not a part of a repository name")]
    [InlineData("/a", "not a part of a repository name")]
    [InlineData("a/", "not a part of a repository name")]
    [InlineData("x.y:port/a", "not a registry")]
    [InlineData("-x.y/a", "not a registry")]
    [InlineData("a@sha256:short", "not a digest")]
    [InlineData("a@md5:" + Hash, "not a digest")]
    [InlineData(Hash, "64 hexadecimal")]
    public void Malformed_names_are_refused_with_the_reason(string text, string reason)
    {
        Assert.Contains(reason, Assert.Throws<FormatException>(() => ImageReference.Parse(text)).Message, StringComparison.Ordinal);
        Assert.False(ImageReference.TryParse(text, out _));
    }

    [Fact]
    public void Long_names_are_refused() =>
        Assert.False(ImageReference.TryParse(new string('a', 250), out _));

    [Fact]
    public void Any_text_is_parsed_or_refused() => Gen.String.Sample(static text => { _ = ImageReference.TryParse(text, out _); });
}
