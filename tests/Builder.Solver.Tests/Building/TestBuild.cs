// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Naming;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Ports;
using Builder.Solver.Progress;
using Microsoft.Extensions.Caching.Distributed;
using Xunit;

namespace Builder.Solver.Tests.Building;

/// <summary>A machine in memory on which Dockerfiles are built one after the other.</summary>
internal sealed class TestBuild : IImageSource, IContextSource, IRemoteSource, IBuildObserver
{
    public static readonly Platform Host = new() { Os = "linux", Architecture = "amd64" };

    private readonly ManualTime _time = new();

    public MemoryExecutor Executor { get; init; } = new();

    public MemoryCache Cache { get; init; } = new();

    public IStepLocks? Locks { get; init; }

    public MemoryLayer Context { get; set; } = new();

    public Dictionary<string, MemoryLayer> NamedContexts { get; } = [];

    public Dictionary<string, ImageSpec> NamedImages { get; } = [];

    public Dictionary<string, ImageConfig> Images { get; } = [];

    public Dictionary<string, FetchedFile> Remotes { get; } = [];

    public ConcurrentQueue<string> Resolved { get; } = [];

    public List<BuildEvent> Events { get; } = [];

    public int ContextsOpened { get; private set; }

    public IEnumerable<string> StepNames => Events.OfType<StepStarted>().Select(started => started.Step.Name);

    /// <summary>The steps that were executed, by name.</summary>
    public IEnumerable<string> Executed =>
        Events.OfType<StepCompleted>()
            .Where(step => !step.Cached && !step.Step.Name.Contains("internal]", StringComparison.Ordinal)
                && !step.Step.Name.Contains("] FROM docker.io", StringComparison.Ordinal))
            .Select(step => step.Step.Name);

    public static BuildRequest Request(string dockerfile) => new()
    {
        Dockerfile = DockerfileParser.Parse(new SourceText("Dockerfile", dockerfile)),
        HostPlatform = Host,
    };

    /// <summary>Adds a base image of one layer.</summary>
    public ImageConfig AddImage(string name, Func<ImageConfig, ImageConfig>? configure = null, string content = "base")
    {
        DiffId layer = Executor.Store(new MemoryLayer().Put("etc/base", content));
        var config = new ImageConfig
        {
            Platform = Host,
            Env = ["PATH=/bin"],
            Cmd = ["sh"],
            Created = DateTimeOffset.FromUnixTimeSeconds(1_000),
            RootFs = LayerStack.Empty.Push(layer),
            History = [new HistoryEntry { CreatedBy = name, Created = DateTimeOffset.FromUnixTimeSeconds(1_000) }],
        };
        config = configure?.Invoke(config) ?? config;
        Images[name] = config;
        return config;
    }

    public async Task<BuildResult> SolveAsync(BuildRequest request)
    {
        Events.Clear();
        Executor.Forget();
        ContextsOpened = 0;
        _time.Advance();
        var solver = new BuildSolver(new BuildPorts
        {
            Images = this,
            Contexts = this,
            Remotes = this,
            Executor = Executor,
            Cache = Cache,
            Locks = Locks,
            Time = _time,
        });
        return await solver.SolveAsync(request, this, TestContext.Current.CancellationToken);
    }

    public async Task<ImageConfig> BuildAsync(string dockerfile, Func<BuildRequest, BuildRequest>? configure = null)
    {
        BuildRequest request = Request(dockerfile);
        return (await SolveAsync(configure?.Invoke(request) ?? request)).Images[0].Config;
    }

    public async Task<TException> FailAsync<TException>(
        string dockerfile, Func<BuildRequest, BuildRequest>? configure = null)
        where TException : Exception =>
        await Assert.ThrowsAnyAsync<TException>(() => BuildAsync(dockerfile, configure));

    public MemoryLayer FilesOf(ImageConfig image) => Executor.Merge(image.RootFs);

    public async Task<ResolvedImage> ResolveAsync(
        ImageSpec image, Platform platform, PullPolicy pull, CancellationToken cancellationToken)
    {
        await Task.Yield();
        string name = ((NamedImage)image).Reference.FamiliarName;
        Resolved.Enqueue($"{name} {platform}");
        return Images.TryGetValue(name, out ImageConfig? config)
            ? new ResolvedImage(config.RootFs.ChainId, config with { Platform = platform })
            : throw new SolveException($"resolve image \"{name}\": not found") { Hint = "log in" };
    }

    public Task<IFileTree?> OpenAsync(string? name, CancellationToken cancellationToken)
    {
        if (name is null)
        {
            ContextsOpened++;
            return Task.FromResult<IFileTree?>(Context);
        }

        return Task.FromResult<IFileTree?>(NamedContexts.GetValueOrDefault(name));
    }

    public ImageSpec? FindImage(string name) => NamedImages.GetValueOrDefault(name);

    public bool IsGitUrl(string source) => source.EndsWith(".git", StringComparison.Ordinal);

    public Task<FetchedFile> FetchAsync(RemoteFile file, CancellationToken cancellationToken) =>
        Task.FromResult(Remotes[file is HttpFile http ? http.Url.ToString() : ((GitRepository)file).Url]);

    public bool IsArchive(IFileTree tree, string path) => false;

    public Task<IFileTree> UnpackAsync(IFileTree tree, string path, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public void Observe(BuildEvent buildEvent) => Events.Add(buildEvent);

    /// <summary>A clock that moves by a day from build to build, and not during one.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance() => _now = _now.AddDays(1);
    }
}

/// <summary>Locks in memory.</summary>
internal sealed class MemoryLocks : IStepLocks
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _locks = [];

    public async Task<IDisposable> AcquireAsync(string name, CancellationToken cancellationToken)
    {
        SemaphoreSlim gate = _locks.GetOrAdd(name, _ => new SemaphoreSlim(1));
        await gate.WaitAsync(cancellationToken);
        return new Held(gate);
    }

    private sealed class Held(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}

/// <summary>A cache in memory.</summary>
internal sealed class MemoryCache : IDistributedCache
{
    private readonly ConcurrentDictionary<string, byte[]> _entries = [];

    public int Writes { get; set; }

    public bool Holds(string text) =>
        _entries.Values.Any(value => System.Text.Encoding.UTF8.GetString(value).Contains(text, StringComparison.Ordinal));

    public byte[]? Get(string key) => _entries.GetValueOrDefault(key);

    public Task<byte[]?> GetAsync(string key, CancellationToken token = default) => Task.FromResult(Get(key));

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
    {
        Writes++;
        _entries[key] = value;
    }

    public Task SetAsync(
        string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        Set(key, value, options);
        return Task.CompletedTask;
    }

    public void Refresh(string key)
    {
    }

    public Task RefreshAsync(string key, CancellationToken token = default) => Task.CompletedTask;

    public void Remove(string key) => _entries.TryRemove(key, out _);

    public Task RemoveAsync(string key, CancellationToken token = default)
    {
        Remove(key);
        return Task.CompletedTask;
    }
}
