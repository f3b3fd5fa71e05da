// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Frontend.Naming;
using Builder.Solver.Copying;
using Builder.Solver.Files;
using Builder.Solver.Operations;

namespace Builder.Solver.Caching;

/// <summary>Which fields make the key of each operation. docs/cache-keys.md says why each is there, or is not.</summary>
public static class StepKeys
{
    /// <summary>The field that holds the digest of copied files.</summary>
    public const string Source = "source";

    /// <summary>The key of a RUN. <paramref name="mountSources"/> stand in the order of the mounts.</summary>
    internal static CacheKey ForRun(
        RunOperation operation, Platform platform, Digest parent, ImmutableArray<Digest?> mountSources)
    {
        CacheKeyBuilder key = new CacheKeyBuilder("run")
            .AddAll("argument", operation.Arguments)
            .Add("parent", parent.ToString())
            .Add("platform", platform.ToString())
            .Add("workdir", operation.WorkingDirectory)
            .Add("user", operation.User)
            .Add("network", operation.Network.ToString())
            .AddSwitch("insecure", operation.Insecure)
            .Add("hostname", operation.Hostname)
            .AddAll("device", [.. operation.Devices.Select(device => device.Required ? $"{device.Name},required" : device.Name)])
            .AddAll("host", [.. operation.ExtraHosts.Select(host => $"{host.Name}={host.Address}")])
            .Add("shm size", operation.ShmSizeBytes.ToString(CultureInfo.InvariantCulture))
            .AddAll("ulimit", [.. operation.Ulimits.Select(limit => $"{limit.Name}={limit.Soft}:{limit.Hard}")]);
        foreach (PipeFile pipe in operation.PipeFiles)
        {
            key.Add($"script {pipe.Name}", pipe.Content);
        }

        for (int i = 0; i < operation.Mounts.Length; i++)
        {
            AddMount(key, operation.Mounts[i], mountSources[i]);
        }

        // The last field, so that its length need not be told: variables sorted by name.
        foreach (string variable in operation.Environment.Order(StringComparer.Ordinal))
        {
            int equals = variable.IndexOf('=', StringComparison.Ordinal);
            key.Add($"env {variable[..equals]}", variable[(equals + 1)..]);
        }

        return key.Build();
    }

    /// <summary>
    /// The key of a COPY or ADD before its destination is looked at. <paramref name="parent"/> is null for
    /// <c>--link</c>, whose layer does not depend on one.
    /// </summary>
    internal static CacheKey ForCopy(CopyRequest request, Digest source, Digest? parent) =>
        CopyFields("copy", request)
            .Add(Source, source.ToString())
            .AddOptional("parent", parent?.ToString())
            .Build();

    /// <summary>The key of a COPY or ADD by what its destination resolves to.</summary>
    internal static CacheKey ForResolvedCopy(CopyRequest request, Digest source, Digest resolution) =>
        CopyFields("resolved copy", request)
            .Add(Source, source.ToString())
            .Add("destination resolution", resolution.ToString())
            .Build();

    /// <summary>The question under which the digest of a selection from immutable trees is remembered.</summary>
    internal static Digest ForSelection(CopyRequest request, IReadOnlyCollection<string> identities) =>
        CopyFields("selection", request).AddAll("tree", identities).Build().Digest;

    /// <summary>The key of a WORKDIR on a parent.</summary>
    internal static CacheKey ForWorkdir(string directory, string user, long? epoch, Digest parent) =>
        new CacheKeyBuilder("workdir")
            .Add("directory", directory)
            .Add("user", user)
            .AddOptional("epoch", epoch?.ToString(CultureInfo.InvariantCulture))
            .Add("parent", parent.ToString())
            .Build();

    /// <summary>The key of a WORKDIR by the entries that it writes.</summary>
    internal static CacheKey ForResolvedWorkdir(LayerPlan plan)
    {
        var key = new CacheKeyBuilder("resolved workdir");
        foreach (LayerPlanEntry entry in plan.Entries)
        {
            FileNode node = entry.Node;
            key.Add(
                $"entry {entry.Path}",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{node.Kind} {node.Mode} {node.UserId}:{node.GroupId} {node.ModifiedSeconds}.{node.ModifiedNanoseconds}"));
            foreach (ExtendedAttribute attribute in node.Xattrs)
            {
                key.Add($"attribute {attribute.Name}", Convert.ToHexString(attribute.Value.AsSpan()));
            }
        }

        return key.Build();
    }

    private static CacheKeyBuilder CopyFields(string operation, CopyRequest request)
    {
        CacheKeyBuilder key = new CacheKeyBuilder(operation)
            .AddSwitch("add", request.IsAdd)
            .AddAll("path", request.Sources)
            .Add("destination", DestinationOf(request))
            .AddOptional("chown", request.Owner)
            .AddOptional("chmod", request.Mode)
            .AddSwitch("link", request.Link)
            .AddSwitch("parents", request.Parents)
            .AddAll("exclude", request.Exclude)
            .AddOptional("unpack", request.Unpack?.ToString())
            .AddOptional("epoch", request.Epoch?.ToString(CultureInfo.InvariantCulture));
        foreach (CopyHeredoc heredoc in request.Heredocs)
        {
            key.Add($"here-document {heredoc.Name}", Convert.ToHexString(heredoc.Content.AsSpan()));
        }

        return key;
    }

    /// <summary>The destination as it stands in the image, its end kept; WORKDIR counts for relative ones only.</summary>
    private static string DestinationOf(CopyRequest request) =>
        request.Destination.StartsWith('/')
            ? request.Destination
            : $"{request.WorkingDirectory.TrimEnd('/')}/{request.Destination}";

    private static void AddMount(CacheKeyBuilder key, StepMount mount, Digest? source)
    {
        string field = $"mount {mount.Target}";
        switch (mount)
        {
            case BindStepMount bind:
                key.Add(field, $"bind {(bind.ReadWrite ? "rw" : "ro")} {source} {bind.Path}");
                break;
            case CacheStepMount cache:
                key.Add(
                    field,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"cache {(cache.ReadOnly ? "ro" : "rw")} {cache.Mode} {cache.UserId}:{cache.GroupId} {source}")
                    + $" {cache.InitialPath}");
                key.Add("cache id", cache.Id);
                break;
            case TmpfsStepMount tmpfs:
                key.Add(field, string.Create(CultureInfo.InvariantCulture, $"tmpfs {tmpfs.SizeBytes}"));
                break;
            case SecretStepMount secret:
                key.Add(
                    field,
                    string.Create(
                        CultureInfo.InvariantCulture, $"secret file {secret.Mode} {secret.UserId}:{secret.GroupId}"));
                key.Add("id of mount", secret.Id).AddOptional("variable of mount", secret.EnvironmentVariable);
                break;
            case SshStepMount ssh:
                key.Add(
                    field,
                    string.Create(CultureInfo.InvariantCulture, $"ssh {ssh.Mode} {ssh.UserId}:{ssh.GroupId}"));
                key.Add("id of mount", ssh.Id);
                break;
            default:
                throw new InvalidOperationException($"a mount of the unknown kind {mount.GetType().Name}");
        }
    }
}
