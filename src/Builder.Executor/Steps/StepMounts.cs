// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Snapshots;
using Builder.Frontend.Instructions;
using Builder.Solver.Files;
using Builder.Solver.Images;
using Builder.Solver.Operations;

namespace Builder.Executor.Steps;

/// <summary>
/// The mounts, secrets and agents of one RUN step while it runs. Sources are found inside their file systems without a
/// link leading out; disposing gives caches back, after the mounts themselves.
/// </summary>
internal sealed class StepMounts : IDisposable
{
    private readonly Store _store;
    private readonly ILayerFetcher? _fetcher;
    private readonly StepServices _services;
    private readonly StepMountMaker _maker;
    private readonly List<IDisposable> _leases = [];
    private readonly List<SandboxFile> _files = [];
    private readonly List<string> _environment = [];
    private readonly Dictionary<string, CacheLease> _caches = new(StringComparer.Ordinal);
    private bool _hasAgent;

    private StepMounts(Store store, ILayerFetcher? fetcher, StepServices services, StepMountMaker maker)
    {
        _store = store;
        _fetcher = fetcher;
        _services = services;
        _maker = maker;
    }

    /// <summary>Secrets shown as files.</summary>
    public IReadOnlyList<SandboxFile> Files => _files;

    /// <summary>Secrets shown as variables, the agent's, and those of devices.</summary>
    public IReadOnlyList<string> Environment => _environment;

    /// <summary>Further groups of the command, those of devices.</summary>
    public ImmutableArray<uint> Groups { get; private set; } = [];

    /// <summary>Prepares the mounts of a step; waits for caches that are locked.</summary>
    /// <param name="store">The store.</param>
    /// <param name="fetcher">Brings layers.</param>
    /// <param name="services">Secrets and agents.</param>
    /// <param name="maker">Makes them; disposed of with this.</param>
    /// <param name="mounts">The mounts.</param>
    /// <param name="cancellationToken">Ends waiting.</param>
    public static async Task<StepMounts> PrepareAsync(
        Store store, ILayerFetcher? fetcher, StepServices services, StepMountMaker maker,
        ImmutableArray<StepMount> mounts, CancellationToken cancellationToken)
    {
        var prepared = new StepMounts(store, fetcher, services, maker);
        try
        {
            await prepared.AcquireCachesAsync(mounts, cancellationToken).ConfigureAwait(false);
            foreach (StepMount mount in mounts)
            {
                await prepared.AddAsync(mount, cancellationToken).ConfigureAwait(false);
            }

            return prepared;
        }
        catch
        {
            prepared.Dispose();
            throw;
        }
    }

    /// <summary>Adds the variables and groups of devices.</summary>
    public void Add(StepDevices devices)
    {
        _environment.AddRange(devices.Environment);
        Groups = Groups.AddRange(devices.Groups);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _maker.Dispose();
        _leases.ForEach(lease => lease.Dispose());
        _leases.Clear();
    }

    private async Task AddAsync(StepMount mount, CancellationToken cancellationToken)
    {
        switch (mount)
        {
            case BindStepMount bind:
                await AddBindAsync(bind, cancellationToken).ConfigureAwait(false);
                break;
            case CacheStepMount cache:
                AddCache(cache);
                break;
            case TmpfsStepMount tmpfs:
                _maker.AddTmpfs(tmpfs.Target, tmpfs.SizeBytes);
                break;
            case SecretStepMount secret:
                AddSecret(secret);
                break;
            case SshStepMount ssh:
                AddAgent(ssh);
                break;
            default:
                throw new StepMountException($"mount on {mount.Target}: a mount of an unknown kind");
        }
    }

    private async Task AddBindAsync(BindStepMount bind, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> lowers = await EnsureAsync(bind.Source, cancellationToken).ConfigureAwait(false);
        MergedTree? tree = bind.Source.IsEmpty ? null : _store.Snapshots.Open(bind.Source);
        string part = CanonicalPath.Resolve(tree, bind.Path);
        if (part.Length > 0 && tree?.Find(part) is null)
        {
            throw new StepMountException($"mount on {bind.Target}: \"{bind.Path}\" not found in its source");
        }

        _maker.AddTree(bind.Target, tree, lowers, part, bind.ReadWrite);
    }

    /// <summary>
    /// Takes each cache once, however often the step mounts it, and all steps take them in the same order: two that want
    /// the same two for themselves do not wait for each other for ever.
    /// </summary>
    private async Task AcquireCachesAsync(ImmutableArray<StepMount> mounts, CancellationToken cancellationToken)
    {
        var caches = new CacheMounts(_store, _store.Snapshots.Ownership, _services.CacheMounts);
        foreach (IGrouping<string, CacheStepMount> uses in mounts.OfType<CacheStepMount>()
            .GroupBy(mount => mount.Id).OrderBy(uses => CacheMounts.NameOf(uses.Key), StringComparer.Ordinal))
        {
            CacheStepMount first = uses.FirstOrDefault(use => use.Initial is { IsEmpty: false }) ?? uses.First();
            CacheSharing sharing = uses.Any(use => use.Sharing == CacheSharing.Locked)
                ? CacheSharing.Locked
                : uses.Any(use => use.Sharing == CacheSharing.Private) ? CacheSharing.Private : CacheSharing.Shared;
            IFileTree? initial = null;
            if (first.Initial is { IsEmpty: false } stack)
            {
                await EnsureAsync(stack, cancellationToken).ConfigureAwait(false);
                initial = _store.Snapshots.Open(stack);
            }

            sharing = _maker.NeedsExclusiveCaches && sharing == CacheSharing.Shared ? CacheSharing.Private : sharing;
            CacheLease lease = await caches
                .AcquireAsync(first with { Sharing = sharing }, initial, cancellationToken).ConfigureAwait(false);
            _leases.Add(lease);
            _caches[uses.Key] = lease;
        }
    }

    private void AddCache(CacheStepMount cache) =>
        _maker.AddCache(cache.Target, _caches[cache.Id].Path, cache.ReadOnly);

    private void AddSecret(SecretStepMount secret)
    {
        if (_services.FindSecret(secret.Id) is not { } value)
        {
            if (secret.Required)
            {
                throw new StepMountException($"mount secret {secret.Id}: it was not given")
                {
                    Hint = $"give it with --secret id={secret.Id},src=FILE or --secret id={secret.Id},env=NAME",
                };
            }

            return;
        }

        if (secret.Target.Length > 0)
        {
            _files.Add(new SandboxFile(secret.Target, value, secret.Mode, secret.UserId, secret.GroupId));
        }

        if (secret.EnvironmentVariable is not null)
        {
            _environment.Add($"{secret.EnvironmentVariable}={Encoding.UTF8.GetString(value)}");
        }
    }

    private void AddAgent(SshStepMount ssh)
    {
        if (_services.FindSshAgent(ssh.Id) is not { } socket)
        {
            if (ssh.Required)
            {
                throw new StepMountException($"mount ssh agent {ssh.Id}: it was not given")
                {
                    Hint = "start an agent (eval $(ssh-agent); ssh-add) and give it with --ssh default",
                };
            }

            return;
        }

        _maker.AddAgent(ssh.Target, socket, ssh.Mode, ssh.UserId, ssh.GroupId);
        if (!_hasAgent)
        {
            _hasAgent = true;
            _environment.Add($"SSH_AUTH_SOCK={ssh.Target}");
        }
    }

    private async Task<IReadOnlyList<string>> EnsureAsync(LayerStack stack, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> snapshots = await _store.Snapshots
            .EnsureAsync(stack, _fetcher, cancellationToken).ConfigureAwait(false);
        return [.. snapshots.Select(snapshot => Path.Combine(snapshot, SnapshotStore.FilesDirectory))];
    }
}
