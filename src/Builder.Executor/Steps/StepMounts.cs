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

    /// <summary>Secrets shown as variables, and the agent's.</summary>
    public IReadOnlyList<string> Environment => _environment;

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
                await AddCacheAsync(cache, cancellationToken).ConfigureAwait(false);
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

    private async Task AddCacheAsync(CacheStepMount cache, CancellationToken cancellationToken)
    {
        IFileTree? initial = null;
        if (cache.Initial is { IsEmpty: false } stack)
        {
            await EnsureAsync(stack, cancellationToken).ConfigureAwait(false);
            initial = _store.Snapshots.Open(stack);
        }

        var caches = new CacheMounts(_store, _store.Snapshots.Ownership);
        CacheStepMount wanted = _maker.NeedsExclusiveCaches && cache.Sharing == CacheSharing.Shared
            ? cache with { Sharing = CacheSharing.Private }
            : cache;
        CacheLease lease = await caches.AcquireAsync(wanted, initial, cancellationToken).ConfigureAwait(false);
        _leases.Add(lease);
        _maker.AddCache(cache.Target, lease.Path, cache.ReadOnly);
    }

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
