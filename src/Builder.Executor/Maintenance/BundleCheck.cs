// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Builder.Executor.Content;
using Builder.Executor.Running;
using Builder.Frontend.Naming;
using Builder.Solver.Images;

namespace Builder.Executor.Maintenance;

/// <summary>
/// Checks containers and volumes. They hold what people made: nothing of them is removed, what cannot be used is put
/// aside under <c>quarantine/</c>.
/// </summary>
internal sealed class BundleCheck(Store store, CheckLog log)
{
    private const string Containers = "containers";
    private const string Volumes = "volumes";
    private const string Advice = "--repair puts it aside under quarantine/ of the store, where its files can be looked at";

    /// <summary>Longer than anything takes to be made.</summary>
    private static readonly TimeSpan s_settled = TimeSpan.FromMinutes(1);

    /// <summary>Checks every container: its documents, its name, the layers that it stands on.</summary>
    public void CheckContainers()
    {
        string[] bundles = [.. DirectoriesOf(Containers).Where(path => Path.GetFileName(path) != "names")];
        foreach (string path in bundles)
        {
            if (Path.GetFileName(path).StartsWith('.'))
            {
                ReportLeftOver(Containers, path);
                continue;
            }

            string? cause = FindDamage(path);
            if (cause is not null && IsSettled(path))
            {
                Report(Containers, path, cause);
            }
        }

        string names = Path.Combine(store.Root, Containers, "names");
        foreach (string path in Directory.Exists(names) ? Directory.GetFiles(names) : [])
        {
            if (TryRead(path) is { } id && IsSettled(path)
                && !Directory.Exists(Path.Combine(store.Root, Containers, System.Text.Encoding.Latin1.GetString(id))))
            {
                log.Add(Containers, $"names/{Path.GetFileName(path)}", "it is the name of a container that is gone",
                    "remove it by --repair; the next container of that name does it too", () => File.Delete(path));
            }
        }

        log.Finish(Containers, bundles.Length);
    }

    /// <summary>Checks every volume's document.</summary>
    public void CheckVolumes()
    {
        string[] volumes = DirectoriesOf(Volumes);
        foreach (string path in volumes)
        {
            if (Path.GetFileName(path).StartsWith('.'))
            {
                ReportLeftOver(Volumes, path);
            }
            else if (IsSettled(path) && Parse(Path.Combine(path, "volume.json"), RunningJson.Default.VolumeRecord, out string? cause) is null)
            {
                Report(Volumes, path, cause!);
            }
        }

        log.Finish(Volumes, volumes.Length);
    }

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static T? Parse<T>(string path, JsonTypeInfo<T> type, out string? cause)
        where T : class
    {
        cause = null;
        if (TryRead(path) is not { } json)
        {
            cause = $"its {Path.GetFileName(path)} is missing";
            return null;
        }

        try
        {
            T? value = JsonSerializer.Deserialize(json, type);
            cause = value is null ? $"its {Path.GetFileName(path)} is empty" : null;
            return value;
        }
        catch (JsonException)
        {
            cause = $"its {Path.GetFileName(path)} is damaged";
            return null;
        }
    }

    private static bool IsSettled(string path) =>
        TimeProvider.System.GetUtcNow() - Directory.GetLastWriteTimeUtc(path) > s_settled;

    private string[] DirectoriesOf(string area)
    {
        string path = Path.Combine(store.Root, area);
        return Directory.Exists(path) ? Directory.GetDirectories(path) : [];
    }

    private string? FindDamage(string path)
    {
        if (Parse(Path.Combine(path, "container.json"), RunningJson.Default.ContainerRecord, out string? cause) is not { } record)
        {
            return cause;
        }

        if (record.Id != Path.GetFileName(path))
        {
            return $"its document is that of {record.Id}";
        }

        if (Parse(Path.Combine(path, "state.json"), RunningJson.Default.ContainerState, out cause) is null)
        {
            return cause;
        }

        var layers = new List<DiffId>();
        foreach (string text in record.Layers)
        {
            if (!Digest.TryParse(text, out Digest digest))
            {
                return $"its document names the layer \"{text}\"";
            }

            layers.Add(new DiffId(digest));
        }

        var stack = new LayerStack([.. layers]);
        for (int i = 0; i < stack.Layers.Length; i++)
        {
            DiffId layer = stack.Layers[i];
            if (store.Snapshots.FindDirectory(stack, i) is null
                && !store.Layers.Find(layer, verifiedOnly: false).Any(form => store.Blobs.IsFile(form.Digest))
                && !store.Blobs.IsFile(layer.Value))
            {
                return $"its layer {layer} is missing";
            }
        }

        return null;
    }

    private void ReportLeftOver(string area, string path)
    {
        if (IsSettled(path))
        {
            log.Add(area, Path.GetRelativePath(store.Root, path), "it was left by a process that was killed while it made or removed it",
                "remove it by --repair", () => store.Tmp.Discard(path));
        }
    }

    private void Report(string area, string path, string cause) => log.Add(
        area, Path.GetRelativePath(store.Root, path), cause, Advice, () =>
        {
            string quarantine = Path.Combine(store.Root, "quarantine");
            Directory.CreateDirectory(quarantine);
            Directory.Move(path, Path.Combine(quarantine, $"{area}-{Path.GetFileName(path)}"));
        });
}
