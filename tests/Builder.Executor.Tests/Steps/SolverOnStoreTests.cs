// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using Builder.Executor.Content;
using Builder.Executor.Context;
using Builder.Executor.Snapshots;
using Builder.Executor.Steps;
using Builder.Executor.Tests.Sandbox;
using Builder.Frontend;
using Builder.Frontend.Ignore;
using Builder.Frontend.Naming;
using Builder.Solver;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Ports;
using Builder.Solver.Progress;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Steps;

/// <summary>The solver with the real store, executor and context: what is built, and what is not built again.</summary>
public sealed class SolverOnStoreTests : IDisposable
{
    private const string App = """
        FROM base
        WORKDIR /app
        COPY requirements.txt .
        RUN cat requirements.txt > /deps && echo app:x:500:500::/:/bin/sh >> /etc/passwd && chmod 1777 /tmp
        COPY --chown=app src src
        USER app
        ENV MODE=prod
        RUN --mount=type=cache,target=/cache,uid=500 echo $MODE > /tmp/mode; id -u >> /cache/ids; cat src/main.py > /tmp/copy
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly Machine _machine;

    public SolverOnStoreTests()
    {
        _directory.Write("context/requirements.txt", "flask\n");
        _directory.Write("context/src/main.py", "one\n");
        _machine = new Machine(_directory);
    }

    public void Dispose()
    {
        _machine.Dispose();
        _directory.Dispose();
    }

    [RootFact]
    public async Task A_build_makes_what_the_Dockerfile_says()
    {
        ImageConfig image = await _machine.BuildAsync(App);

        IFileTree tree = await _machine.Executor.OpenTreeAsync(image.RootFs, Machine.Token);
        Assert.Equal("flask\n", Text(tree, "deps"));
        Assert.Equal("prod\n", Text(tree, "tmp/mode"));
        Assert.Equal("one\n", Text(tree, "tmp/copy"));
        Assert.Equal(500u, tree.Find("app/src/main.py")!.UserId);
        Assert.Equal(0u, tree.Find("app/requirements.txt")!.UserId);
        Assert.Null(tree.Find("cache/ids"));
        Assert.Equal(("app", "/app"), (image.User, image.WorkingDir));
        Assert.Equal(7, image.History.Length);
    }

    [RootFact]
    public async Task A_second_build_executes_nothing_and_a_changed_file_only_what_reads_it()
    {
        ImageConfig first = await _machine.BuildAsync(App);
        ImageConfig second = await _machine.BuildAsync(App);
        Assert.Empty(_machine.Executed);
        Assert.Equal(first.RootFs, second.RootFs);
        Assert.Equal(first.History, second.History);

        _directory.Write("context/src/main.py", "two\n");
        ImageConfig third = await _machine.BuildAsync(App);
        Assert.Equal(["[5/6] COPY --chown=app src src"], _machine.Executed.Where(name => name.Contains("COPY", StringComparison.Ordinal)));
        Assert.Equal(2, _machine.Executed.Count());
        Assert.Equal(first.RootFs.Layers[..4], third.RootFs.Layers[..4]);
    }

    [RootFact]
    public async Task Builds_on_one_store_at_once_make_each_layer_once()
    {
        using Machine other = new(_directory);
        ImageConfig[] images = await Task.WhenAll(
            Task.Run(() => _machine.BuildAsync(App)), Task.Run(() => other.BuildAsync(App)));
        Assert.Equal(images[0].RootFs, images[1].RootFs);
        Assert.Equal(5, _machine.Executed.Concat(other.Executed).Count());
    }

    [RootFact]
    public async Task A_failing_command_says_what_and_where()
    {
        StepFailedException failure = await Assert.ThrowsAsync<StepFailedException>(
            () => _machine.BuildAsync("FROM base\nRUN true\nRUN echo oops; exit 3"));
        Assert.Equal(3, failure.ExitCode);
        Assert.Equal(3, failure.Location!.Value.Start.Line);
        Assert.Equal("Dockerfile", failure.Dockerfile!.Name);
    }

    [RootFact]
    public async Task A_mount_of_the_context_and_of_a_stage_shows_their_files()
    {
        ImageConfig image = await _machine.BuildAsync("""
            FROM base AS tools
            RUN mkdir /out && echo tool > /out/t
            FROM base
            RUN --mount=target=/ctx --mount=from=tools,source=out,target=/t cat /ctx/src/main.py /t/t > /both
            """);
        IFileTree tree = await _machine.Executor.OpenTreeAsync(image.RootFs, Machine.Token);
        Assert.Equal("one\ntool\n", Text(tree, "both"));
    }

    private static string Text(IFileTree tree, string path)
    {
        using var reader = new StreamReader(tree.Open(path));
        return reader.ReadToEnd();
    }

    /// <summary>One process' view of the store.</summary>
    private sealed class Machine : IImageSource, IContextSource, IBuildObserver, IDisposable
    {
        private readonly Store _store;
        private readonly string _contextPath;
        private LocalContext? _context;
        private readonly LayerStack _base;
        private readonly List<BuildEvent> _events = [];

        public Machine(TemporaryDirectory directory)
        {
            _store = Store.Open(directory["store"]);
            _contextPath = directory["context"];
            Executor = new StepExecutor(_store, null, new StepServices());
            using var root = new TestRoot();
            using LayerDraft draft = _store.Snapshots.BeginLayer();
            Directory.Delete(draft.FilesPath);
            Directory.Move(root.Lower, draft.FilesPath);
            foreach (string path in Directory.GetFileSystemEntries(draft.FilesPath, "*", SearchOption.AllDirectories))
            {
                new Command("touch", "-h", "-d", "@0", path).Run();
            }

            LayerDigest digest = draft.Digest(null, null, Token) ?? throw new UnreachableException();
            draft.Commit(digest);
            _base = LayerStack.Empty.Push(digest.DiffId);
        }

        public static CancellationToken Token => TestContext.Current.CancellationToken;

        public StepExecutor Executor { get; }

        public IEnumerable<string> Executed =>
            _events.OfType<StepCompleted>()
                .Where(step => !step.Cached && !step.Step.Name.Contains("[internal]", StringComparison.Ordinal)
                    && !step.Step.Name.Contains("] FROM docker.io", StringComparison.Ordinal))
                .Select(step => step.Step.Name);

        public async Task<ImageConfig> BuildAsync(string dockerfile)
        {
            _events.Clear();
            _context = new LocalContext(_contextPath, IgnoreMatcher.None, ".dockerignore", null, TimeProvider.System);
            var solver = new BuildSolver(new BuildPorts
            {
                Images = this,
                Contexts = this,
                Remotes = new NoRemotes(),
                Executor = Executor,
                Cache = new CacheDirectory(_store, TimeProvider.System),
                Locks = _store.Locks,
                Time = TimeProvider.System,
            });
            var request = new BuildRequest
            {
                Dockerfile = DockerfileParser.Parse(new SourceText("Dockerfile", dockerfile)),
                HostPlatform = new Platform { Os = "linux", Architecture = "amd64" },
            };
            return (await solver.SolveAsync(request, this, Token)).Images[0].Config;
        }

        public Task<ResolvedImage> ResolveAsync(
            ImageSpec image, Platform platform, PullPolicy pull, CancellationToken cancellationToken) =>
            Task.FromResult(new ResolvedImage(
                _base.ChainId,
                new ImageConfig { Platform = platform, RootFs = _base, Env = ["PATH=/bin:/usr/bin"] }));

        public Task<IFileTree?> OpenAsync(string? name, CancellationToken cancellationToken) =>
            Task.FromResult<IFileTree?>(name is null ? _context : null);

        public ImageSpec? FindImage(string name) => null;

        public void Observe(BuildEvent buildEvent) => _events.Add(buildEvent);

        public void Dispose() => _store.Dispose();
    }

    private sealed class NoRemotes : IRemoteSource
    {
        public bool IsGitUrl(string source) => false;

        public Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public bool IsArchive(IFileTree tree, string path) => false;

        public Task<IFileTree> UnpackAsync(IFileTree tree, string path, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
