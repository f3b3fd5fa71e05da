// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Context;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Context;

public sealed class ContextLoaderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Store _store;
    private readonly RemoteSource _remotes;

    public ContextLoaderTests()
    {
        _store = Store.Open(_directory["store"]);
        _remotes = new RemoteSource(_store, _ => null, TimeProvider.System);
    }

    public void Dispose()
    {
        _remotes.Dispose();
        _store.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(null, "context/Dockerfile", "Dockerfile")]
    [InlineData(null, "context/Containerfile", "Containerfile")]
    [InlineData("sub/My.Dockerfile", "context/sub/My.Dockerfile", "sub/My.Dockerfile")]
    public async Task The_dockerfile_is_found_in_the_context(string? file, string path, string name)
    {
        _directory.Write(path, "FROM scratch");
        using BuildContexts contexts = await LoadAsync(file);
        Assert.Equal(("FROM scratch", name), (contexts.Dockerfile.Text, contexts.Dockerfile.Name));
        Assert.Equal(name, contexts.DockerfileInContext);
    }

    [Fact]
    public async Task The_dockerfile_may_be_elsewhere_with_its_own_ignore_file()
    {
        _directory.Write("context/a", "");
        _directory.Write("context/b", "");
        _directory.Write("context/.dockerignore", "b");
        string file = _directory.Write("df/Dockerfile", "FROM scratch");
        Assert.Equal([".dockerignore", "a"], await NamesAsync(file));
        _directory.Write("df/Dockerfile.dockerignore", "a\n.*");
        Assert.Equal(["b"], await NamesAsync(file));
    }

    [Theory]
    [InlineData("Dockerfile.dockerignore", "1")]
    [InlineData("Dockerfile.containerignore", "2")]
    [InlineData(".containerignore", "3")]
    [InlineData(".dockerignore", "4")]
    public async Task Ignore_files_have_an_order(string first, string hidden)
    {
        string[] order = ["Dockerfile.dockerignore", "Dockerfile.containerignore", ".containerignore", ".dockerignore"];
        _directory.Write("context/Dockerfile", "FROM scratch");
        for (int i = Array.IndexOf(order, first); i < order.Length; i++)
        {
            _directory.Write("context/" + order[i], $"{i + 1}");
        }

        for (int i = 1; i <= 4; i++)
        {
            _directory.Write($"context/{i}", "");
        }

        using BuildContexts contexts = await LoadAsync(null);
        IFileTree tree = (await contexts.OpenAsync(null, TestContext.Current.CancellationToken))!;
        Assert.Null(tree.Find(hidden));
        Assert.Equal($"excluded by {first} line 1", tree.ExplainAbsence(hidden)?.Text);
        Assert.Equal(3, tree.List("").Count(node => node.Name.Length == 1));
    }

    [Fact]
    public async Task Standard_input_is_a_dockerfile_or_a_tar()
    {
        using BuildContexts text = await LoadAsync(null, "-", "FROM scratch\n"u8.ToArray());
        Assert.Equal(("-", "FROM scratch\n"), (text.Dockerfile.Name, text.Dockerfile.Text));
        Assert.Empty((await text.OpenAsync(null, TestContext.Current.CancellationToken))!.List(""));

        _directory.Write("in/Dockerfile", "FROM busybox");
        _directory.Write("in/.dockerignore", "secret");
        _directory.Write("in/secret", "s");
        foreach (string options in (string[])["-cf", "-czf"])
        {
            Command.Shell($"tar -C {_directory["in"]} --owner=7 {options} {_directory["a"]} .").Succeeded();
            using BuildContexts tar = await LoadAsync(null, "-", await File.ReadAllBytesAsync(_directory["a"], TestContext.Current.CancellationToken));
            IFileTree tree = (await tar.OpenAsync(null, TestContext.Current.CancellationToken))!;
            Assert.Equal("FROM busybox", tar.Dockerfile.Text);
            Assert.Equal([".dockerignore", "Dockerfile"], tree.List("").Select(node => node.Name));
            Assert.Equal(0u, tree.Find("Dockerfile")!.UserId);
        }
    }

    [Fact]
    public async Task The_dockerfile_may_come_from_standard_input()
    {
        _directory.Write("context/a", "");
        using BuildContexts contexts = await LoadAsync("-", null, "FROM x"u8.ToArray());
        Assert.Equal("FROM x", contexts.Dockerfile.Text);
        Assert.Null(contexts.DockerfileInContext);
    }

    [Fact]
    public async Task Named_contexts_are_directories_images_and_layouts()
    {
        _directory.Write("context/Dockerfile", "FROM scratch");
        _directory.Write("other/a", "");
        _directory.Write("other/b", "");
        _directory.Write("other/.dockerignore", "b");
        using BuildContexts contexts = await LoadAsync(
            null, null, null,
            new("dir", _directory["other"]), new("busybox", "docker-image://alpine:3"),
            new("l", $"oci-layout://{_directory["layout"]}:tag@sha256:{new string('a', 64)}"), new("bad", "docker-image://UP CASE"),
            new("gone", _directory["missing"]));
        IFileTree tree = (await contexts.OpenAsync("dir", TestContext.Current.CancellationToken))!;
        Assert.Equal([".dockerignore", "a"], tree.List("").Select(node => node.Name));
        Assert.Same(tree, await contexts.OpenAsync("dir", TestContext.Current.CancellationToken));
        Assert.Equal("docker.io/library/alpine:3", contexts.FindImage("docker.io/library/busybox:latest")!.ToString());
        Assert.Equal(new LayoutImage(_directory["layout"], "tag", Digest.FromHex(new string('a', 64))), contexts.FindImage("l"));
        Assert.Null(contexts.FindImage("dir"));
        Assert.Null(await contexts.OpenAsync("nothing", TestContext.Current.CancellationToken));
        Assert.Throws<ContextException>(() => contexts.FindImage("bad"));
        await Assert.ThrowsAsync<ContextException>(() => contexts.OpenAsync("gone", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        Directory.CreateDirectory(_directory["context"]);
        ContextException none = await Assert.ThrowsAsync<ContextException>(() => LoadAsync(null));
        Assert.Contains("read Dockerfile \"Dockerfile\": no such file in build context", none.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ContextException>(() => LoadAsync("nope"));
        await Assert.ThrowsAsync<ContextException>(() => LoadAsync(null, _directory["nowhere"]));
        await Assert.ThrowsAsync<ContextException>(() => LoadAsync("-", "-", []));
    }

    private Task<BuildContexts> LoadAsync(
        string? file, string? context = null, byte[]? input = null, params ImmutableArray<KeyValuePair<string, string>> named) =>
        new ContextLoader(_store, _remotes, TimeProvider.System).LoadAsync(
            new ContextOptions
            {
                Context = context ?? _directory["context"],
                DockerfilePath = file,
                NamedContexts = named,
                OpenStandardInput = () => new MemoryStream(input ?? Encoding.UTF8.GetBytes("no input")),
            },
            TestContext.Current.CancellationToken);

    private async Task<string[]> NamesAsync(string file)
    {
        using BuildContexts contexts = await LoadAsync(file);
        IFileTree tree = (await contexts.OpenAsync(null, TestContext.Current.CancellationToken))!;
        return [.. tree.List("").Select(node => node.Name)];
    }
}
