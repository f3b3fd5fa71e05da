// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.Running;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Reads a whole store and compares everything with what its name or record says. Builds and containers may go on
/// meanwhile: what is in progress lies under tmp/ and is not looked at, what appears is whole, and collections wait.
/// </summary>
public sealed class StoreChecker(Store store)
{
    /// <summary>Checks.</summary>
    /// <param name="repairs">Remove what is damaged, so that it is made or fetched again; put containers aside.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <exception cref="ContentException">A repair is asked for while another process uses the store.</exception>
    public CheckResult Check(bool repairs, CancellationToken cancellationToken)
    {
        using IDisposable use = repairs
            ? store.TryUseAlone() ?? throw new ContentException(
                ContentFailure.InUse, $"repair store {store.Root}: another process uses it")
            {
                Hint = "wait until the builds that run have ended, then try again",
            }
            : store.Use();
        var log = new CheckLog(repairs);
        var content = new ContentCheck(store, log, FindInUse());
        content.CheckBlobs(cancellationToken);
        content.CheckSnapshots(cancellationToken);
        var records = new RecordCheck(store, log);
        records.CheckLayers();
        records.CheckImages();
        records.CheckReferences();
        records.CheckCache();
        var bundles = new BundleCheck(store, log);
        bundles.CheckContainers();
        bundles.CheckVolumes();
        return log.ToResult();
    }

    /// <summary>The snapshots that running containers stand on.</summary>
    private HashSet<Digest> FindInUse()
    {
        var containers = new ContainerStore(store.Root);
        var inUse = new HashSet<Digest>();
        foreach (ContainerRecord container in containers.List())
        {
            if (containers.ReadState(container.Id).Status == ContainerStatus.Running)
            {
                DiffId[] layers = [.. container.Layers.Select(layer => new DiffId(Digest.Parse(layer)))];
                for (int i = 1; i <= layers.Length; i++)
                {
                    inUse.Add(layers[i - 1].Value);
                    inUse.Add(LayerStack.ComputeChainId(layers.AsSpan()[..i]));
                }
            }
        }

        return inUse;
    }
}
