// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Context;
using Builder.Solver.Files;
using Builder.Solver.Ports;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Context;

public sealed class RemoteSourceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Store _store;
    private readonly Dictionary<string, string> _secrets = [];
    private readonly RemoteSource _source;

    public RemoteSourceTests()
    {
        _store = Store.Open(_directory["store"]);
        _source = new RemoteSource(_store, id => _secrets.GetValueOrDefault(id), TimeProvider.System);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _source.Dispose();
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_download_is_0600_with_the_servers_time_and_is_not_sent_twice()
    {
        using var server = new FileServer("content", lastModified: 1_400_000_000, etag: "\"one\"");
        FetchedFile first = await _source.FetchAsync(new HttpFile(server.Url("/some%20dir/file%2B1.txt?x=/y"), null), Cancellation);
        FileNode node = first.Tree.Find(first.Path)!;
        Assert.Equal(("file+1.txt", 0x180, 1_400_000_000L, 7L), (first.Path, node.Mode, node.ModifiedSeconds, node.Size));
        FetchedFile second = await _source.FetchAsync(new HttpFile(server.Url("/some%20dir/file%2B1.txt?x=/y"), null), Cancellation);
        Assert.Equal(first.Tree.Identity, second.Tree.Identity);
        Assert.Equal([200, 304], server.Answers);
    }

    [Theory]
    [InlineData("sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", null)]
    [InlineData("sha256:0d7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", "digest mismatch")]
    [InlineData("md5:9a0364b9e99bb480dd25e1f0284c8555", "unsupported digest algorithm \"md5\"")]
    [InlineData("ed7002b4", "it has no algorithm")]
    [InlineData("sha256:ed7002", "64 lower-case")]
    public async Task Checksums_are_verified(string checksum, string? message)
    {
        using var server = new FileServer("content");
        var file = new HttpFile(server.Url("/f"), checksum);
        if (message is null)
        {
            Assert.NotNull((await _source.FetchAsync(file, Cancellation)).Tree.Identity);
            return;
        }

        ContextException failure = await Assert.ThrowsAsync<ContextException>(() => _source.FetchAsync(file, Cancellation));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_authorize_at_the_named_host_and_appear_in_no_message()
    {
        using var server = new FileServer("content", authorization: "Bearer s3cret");
        _secrets["HTTP_AUTH_TOKEN_127.0.0.1"] = "s3cret\n";
        await _source.FetchAsync(new HttpFile(server.Url("/f"), null), Cancellation);
        _secrets["HTTP_AUTH_TOKEN_127.0.0.1"] = "wr0ng";
        ContextException failure = await Assert.ThrowsAsync<ContextException>(
            () => _source.FetchAsync(new HttpFile(new Uri(server.Url("/g?token=t0ken").ToString()), null), Cancellation));
        Assert.Contains("the server answers 401", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("t0ken", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_server_and_a_missing_file_say_so()
    {
        using var server = new FileServer("content");
        ContextException missing = await Assert.ThrowsAsync<ContextException>(
            () => _source.FetchAsync(new HttpFile(server.Url("/missing"), null), Cancellation));
        Assert.Equal(ContextFailure.NotFound, missing.Reason);
        ContextException unreachable = await Assert.ThrowsAsync<ContextException>(
            () => _source.FetchAsync(new HttpFile(new Uri("http://127.0.0.1:1/x"), null), Cancellation));
        Assert.StartsWith("download http://127.0.0.1:1/x: connection refused", unreachable.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://github.com/o/r.git", true)]
    [InlineData("https://github.com/o/r.git#main:sub", true)]
    [InlineData("https://github.com/o/r.git?ref=main&subdir=x", true)]
    [InlineData("git@github.com:o/r.git", true)]
    [InlineData("git://host/r", true)]
    [InlineData("ssh://git@host/r", true)]
    [InlineData("https://github.com/o/r", false)]
    [InlineData("https://host/file.tar.gz", false)]
    [InlineData("github.com/o/r", false)]
    [InlineData("some/dir.git", false)]
    [InlineData("./a@b:c", false)]
    public void Git_urls_are_told_from_files(string text, bool isGit) => Assert.Equal(isGit, _source.IsGitUrl(text));

    [Fact]
    public async Task A_repository_is_its_commit_without_git_directory()
    {
        string commit = MakeRepository();
        string url = $"file://{_directory["r.git"]}";
        FetchedFile fetched = await _source.FetchAsync(new GitRepository($"{url}#v1", null, false), Cancellation);
        Assert.Equal("", fetched.Path);
        Assert.Contains(commit, fetched.Tree.Identity, StringComparison.Ordinal);
        Assert.Equal(["link", "run", "sub"], fetched.Tree.List("").Select(node => node.Name));
        Assert.Equal((0x1ED, 0x1A4), (fetched.Tree.Find("run")!.Mode, fetched.Tree.Find("sub/f")!.Mode));
        Assert.Equal(1_400_000_000, fetched.Tree.Find("sub/f")!.ModifiedSeconds);

        FetchedFile below = await _source.FetchAsync(new GitRepository($"{url}#main:link", commit[..12], false), Cancellation);
        Assert.Equal(["f"], below.Tree.List("").Select(node => node.Name));
        FetchedFile kept = await _source.FetchAsync(new GitRepository($"{url}?commit={commit}&ref=main", null, true), Cancellation);
        Assert.Equal(FileKind.Directory, kept.Tree.Find(".git")!.Kind);
        Assert.NotEqual(fetched.Tree.Identity, kept.Tree.Identity);
    }

    [Fact]
    public async Task A_wrong_ref_directory_or_commit_fails()
    {
        MakeRepository();
        string url = $"file://{_directory["r.git"]}";
        await Fails($"{url}#nothing", null, "there is no ref \"nothing\"");
        await Fails($"{url}#main", "0123456789", "expected checksum to match 0123456789");
        await Fails($"file://{_directory["none.git"]}", null, "git ls-remote");
        FetchedFile fetched = await _source.FetchAsync(new GitRepository($"{url}#main:nodir", null, false), Cancellation);
        Assert.Throws<ContextException>(() => fetched.Tree.List(""));

        async Task Fails(string text, string? checksum, string message)
        {
            ContextException failure = await Assert.ThrowsAsync<ContextException>(
                () => _source.FetchAsync(new GitRepository(text, checksum, false), Cancellation));
            Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        }
    }

    private string MakeRepository() => Command.Shell($"""
        cd {_directory.Path}
        export HOME={_directory.Path} GIT_AUTHOR_DATE='1400000000 +0000' GIT_COMMITTER_DATE='1400000000 +0000'
        git init -q -b main work; cd work
        mkdir sub; echo f > sub/f; echo run > run; chmod 700 run; chmod 600 sub/f; ln -s sub link
        git add -A; git -c user.name=a -c user.email=a@b commit -qm one
        git -c user.name=a -c user.email=a@b tag -a -m tag v1
        git clone -q --bare . ../r.git
        git rev-parse HEAD
        """).Succeeded().Text;

    /// <summary>Serves one file at every path but /missing.</summary>
    private sealed class FileServer : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly string _root;

        public FileServer(string content, long? lastModified = null, string? etag = null, string? authorization = null)
        {
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                _root = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
            }

            _listener.Prefixes.Add(_root + "/");
            _listener.Start();
            _ = ServeAsync(content, lastModified, etag, authorization);
        }

        public ConcurrentQueue<int> Answers { get; } = new();

        public Uri Url(string path) => new(_root + path);

        public void Dispose() => _listener.Close();

        private async Task ServeAsync(string content, long? lastModified, string? etag, string? authorization)
        {
            while (_listener.IsListening)
            {
                HttpListenerContext request;
                try
                {
                    request = await _listener.GetContextAsync();
                }
                catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }

                HttpListenerResponse response = request.Response;
                response.StatusCode = authorization is not null && request.Request.Headers["Authorization"] != authorization ? 401
                    : request.Request.Url!.AbsolutePath == "/missing" ? 404
                    : etag is not null && request.Request.Headers["If-None-Match"] == etag ? 304
                    : 200;
                Answers.Enqueue(response.StatusCode);
                if (etag is not null)
                {
                    response.Headers["ETag"] = etag;
                }

                if (lastModified is { } seconds)
                {
                    response.Headers["Last-Modified"] = DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("R");
                }

                if (response.StatusCode == 200)
                {
                    await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(content));
                }

                response.Close();
            }
        }
    }
}
