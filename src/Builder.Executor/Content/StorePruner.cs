// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;

namespace Builder.Executor.Content;

/// <summary>Gives room back: step records, cache mounts, and whatever nothing needs afterwards.</summary>
public sealed class StorePruner(Store store)
{
    /// <summary>
    /// Forgets all step records and, when asked, the contents of cache mounts; false when another process uses the store.
    /// </summary>
    public bool TryForgetSteps(bool withMounts)
    {
        using IDisposable? alone = store.TryUseAlone();
        if (alone is null)
        {
            return false;
        }

        foreach (string directory in withMounts ? [store.CachePath, store.MountsPath] : new[] { store.CachePath })
        {
            foreach (string entry in Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory) : [])
            {
                FileTreeRemover.Remove(entry);
            }
        }

        return true;
    }

    /// <summary>Removes what nothing needs: unnamed blobs, snapshots without an image, a record or a container.</summary>
    public void Collect() => new GarbageCollector(store).TryCollect();

    /// <summary>The sum of the lengths of the files below a directory; links are not followed.</summary>
    public static long DirectorySize(string path) => !Directory.Exists(path) ? 0 : new DirectoryInfo(path)
        .EnumerateFiles("*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        })
        .Sum(file => file.Length);
}
