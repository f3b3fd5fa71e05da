// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Builder.Executor.FileSystem;

namespace Builder.Executor.Running;

/// <summary>A volume as it is recorded.</summary>
/// <param name="Name">Its name; 64 hexadecimal digits for an anonymous one.</param>
/// <param name="Created">When it was made.</param>
/// <param name="IsAnonymous">It was made for one container.</param>
public sealed record VolumeRecord(string Name, DateTimeOffset Created, bool IsAnonymous);

/// <summary>
/// The volumes of a store: <c>volumes/NAME/_data</c>. A volume appears by one rename, so that two containers that make
/// the same one at the same time share it.
/// </summary>
public sealed class VolumeStore
{
    private const string RecordFile = "volume.json";
    private const string DataDirectory = "_data";

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    private readonly string _directory;
    private readonly TimeProvider _time;

    /// <summary>Opens the volumes of the store at <paramref name="root"/>; nothing is made before it is needed.</summary>
    public VolumeStore(string root, TimeProvider time)
    {
        _directory = Path.Combine(root, "volumes");
        _time = time;
    }

    /// <summary>docker's rule for names of volumes.</summary>
    public static bool IsName(string name) =>
        name.Length > 1 && char.IsAsciiLetterOrDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(s_allowed);

    /// <summary>Makes a volume; one that is there already is left alone. An empty name gives an anonymous one.</summary>
    public VolumeRecord Create(string name, bool isAnonymous = false)
    {
        VolumeRecord record = new(
            name.Length == 0 ? ContainerName.NewId() : name, _time.GetUtcNow(), isAnonymous || name.Length == 0);
        if (Find(record.Name) is { } existing)
        {
            return existing;
        }

        string draft = Path.Combine(_directory, $".new-{ContainerName.NewId()}");
        Directory.CreateDirectory(Path.Combine(draft, DataDirectory));
        File.WriteAllBytes(
            Path.Combine(draft, RecordFile), JsonSerializer.SerializeToUtf8Bytes(record, RunningJson.Default.VolumeRecord));
        try
        {
            Directory.Move(draft, Path.Combine(_directory, record.Name));
        }
        catch (IOException) when (Find(record.Name) is not null)
        {
            Directory.Delete(draft, recursive: true);
        }

        return record;
    }

    /// <summary>The volume of that name, or null.</summary>
    public VolumeRecord? Find(string name)
    {
        try
        {
            byte[] json = File.ReadAllBytes(Path.Combine(_directory, name, RecordFile));
            return JsonSerializer.Deserialize(json, RunningJson.Default.VolumeRecord);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>All volumes, sorted by name.</summary>
    public ImmutableArray<VolumeRecord> List() => Directory.Exists(_directory)
        ? [.. Directory.EnumerateDirectories(_directory).Select(path => Find(Path.GetFileName(path))).OfType<VolumeRecord>()
            .OrderBy(volume => volume.Name, StringComparer.Ordinal)]
        : [];

    /// <summary>Where a volume's files are.</summary>
    public string DataPath(string name) => Path.Combine(_directory, name, DataDirectory);

    /// <summary>Removes a volume; the caller has made sure that nothing uses it.</summary>
    public void Remove(string name)
    {
        string path = Path.Combine(_directory, name);
        string grave = Path.Combine(_directory, $".old-{ContainerName.NewId()}");
        if (Directory.Exists(path))
        {
            Directory.Move(path, grave);
            FileTreeRemover.Remove(grave);
        }
    }
}
