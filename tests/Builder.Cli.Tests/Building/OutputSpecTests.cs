// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.Building;
using Xunit;

namespace Builder.Cli.Tests.Building;

public sealed class OutputSpecTests
{
    [Theory]
    [InlineData("out", "Local", "out", true, false)]
    [InlineData("-", "Tar", "-", true, false)]
    [InlineData("type=oci,dest=i.tar", "Oci", "i.tar", true, false)]
    [InlineData("type=oci,dest=dir,tar=false", "Oci", "dir", false, false)]
    [InlineData("type=oci", "Oci", "-", true, false)]
    [InlineData("type=docker,dest=i.tar", "Docker", "i.tar", true, false)]
    [InlineData("type=docker", "Image", null, true, false)]
    [InlineData("type=cacheonly", "CacheOnly", null, true, false)]
    [InlineData("type=image,name=a,push-by-digest=true,name-canonical=true,push=true", "Image", null, true, true)]
    [InlineData("type=oci,dest=i.tar,compression=zstd,compression-level=9,force-compression=true,annotation.a=b", "Oci", "i.tar", true, false)]
    [InlineData("type=image,name=a,push=true", "Image", null, true, true)]
    [InlineData("type=registry,name=a", "Image", null, true, true)]
    [InlineData("\"type=image\",\"name=a,b\"", "Image", null, true, false)]
    public void Outputs_are_read(string text, string kind, string? destination, bool tar, bool push)
    {
        OutputSpec output = OutputSpec.Parse(text);
        Assert.Equal((kind, destination, tar, push), (output.Kind.ToString(), output.Destination, output.Tar, output.Push));
    }

    [Theory]
    [InlineData("dest=x", "type is missing")]
    [InlineData("type=zip,dest=x", "unknown type zip")]
    [InlineData("type=local", "dest must be a directory")]
    [InlineData("type=image,dest=x", "takes no dest")]
    [InlineData("type=oci,dest=x,compression=estargz", "compression=estargz is not supported")]
    [InlineData("type=image,name=x,compression=zstd", "counts when the image is pushed")]
    [InlineData("type=image,name=x,push-by-digest=true", "needs push=true")]
    [InlineData("type=image,name=x:1,push=true,push-by-digest=true", "a name without a tag")]
    [InlineData("type=oci,dest=x,oci-mediatypes=false,annotation.a=b", "have no annotations")]
    [InlineData("type=oci,dest=x,annotation-foo.a=b", "invalid annotation")]
    [InlineData("type=cacheonly,rewrite-timestamp=true", "rewrite-timestamp=true is not supported")]
    [InlineData("type=local,dest=x,mode=delete", "mode=delete is not supported")]
    [InlineData("type=cacheonly,dest=x", "dest=x is not supported")]
    [InlineData("type=local,dest=x,push=true", "push=true is not supported")]
    public void What_is_not_supported_is_an_error_and_never_ignored(string text, string message) =>
        Assert.Contains(message, Assert.Throws<UsageException>(() => OutputSpec.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("id=a,src=f", "a", "f", null)]
    [InlineData("id=a,env=E", "a", null, "E")]
    [InlineData("id=SET", "SET", null, "SET")]
    [InlineData("id=other", "other", "other", null)]
    [InlineData("type=env,id=a", "a", null, "a")]
    public void Secrets_come_from_files_or_variables(string text, string id, string? file, string? variable)
    {
        SecretSpec secret = SecretSpec.Parse(text, name => name == "SET" ? "v" : null);
        Assert.Equal((id, file, variable), (secret.Id, secret.File, secret.Variable));
    }
}
