// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Builder.Executor.FileSystem;

namespace Builder.Executor.Running;

/// <summary>
/// The containers of a store: <c>containers/ID/</c> with the OCI <c>config.json</c>, what the container is
/// (<c>container.json</c>), its state, its log and its writable layer. Names are reserved in <c>containers/names/</c>
/// by creating a file exclusively. A state is replaced by one rename and is true only as long as the processes in it
/// live: a container whose watcher was killed counts as exited.
/// </summary>
public sealed class ContainerStore
{
    private const string RecordFile = "container.json";
    private const string StateFile = "state.json";
    private const string NamesDirectory = "names";
    private const int MaxNameAttempts = 20;
    private const int LostExitCode = 137;

    private readonly string _directory;

    /// <summary>Opens the containers of the store at <paramref name="root"/>; nothing is made before it is needed.</summary>
    public ContainerStore(string root)
    {
        _directory = Path.Combine(root, "containers");
    }

    /// <summary>A container's directory.</summary>
    public string PathOf(string id) => Path.Combine(_directory, id);

    /// <summary>The log of a container.</summary>
    public string LogPath(string id) => Path.Combine(_directory, id, "log");

    /// <summary>
    /// Records a new container in state Created. <paramref name="name"/> null chooses one; the record given back has it.
    /// </summary>
    /// <exception cref="RunException">The name is malformed or taken.</exception>
    public ContainerRecord Create(ContainerRecord record, string? name)
    {
        Directory.CreateDirectory(Path.Combine(_directory, NamesDirectory));
        record = record with { Name = Reserve(record.Id, name) };
        string path = PathOf(record.Id);
        Directory.CreateDirectory(path);
        Write(Path.Combine(path, StateFile), new ContainerState { Status = ContainerStatus.Created }, RunningJson.Default.ContainerState);
        Write(Path.Combine(path, RecordFile), record, RunningJson.Default.ContainerRecord);
        return record;
    }

    /// <summary>The container that a name, an id or the unique beginning of one means; null when there is none.</summary>
    /// <exception cref="RunException">The beginning fits several.</exception>
    public ContainerRecord? Find(string nameOrId)
    {
        string? id = ReadName(nameOrId);
        if (id is not null && Read(id) is { } named)
        {
            return named;
        }

        string[] matches = [.. Ids().Where(candidate => candidate.StartsWith(nameOrId, StringComparison.Ordinal)).Take(2)];
        return matches.Length switch
        {
            0 => null,
            1 => Read(matches[0]),
            _ => throw new RunException(RunFailure.Malformed, $"\"{nameOrId}\" fits several containers")
            {
                Hint = "give more digits of the id, or the name",
            },
        };
    }

    /// <summary>The container that a name or id means.</summary>
    /// <exception cref="RunException">There is none, or the beginning of an id fits several.</exception>
    public ContainerRecord Get(string nameOrId) => Find(nameOrId)
        ?? throw new RunException(RunFailure.NoSuchContainer, $"no such container: {nameOrId}")
        {
            Hint = "'bld ps -a' lists all containers",
        };

    /// <summary>All containers, the newest first.</summary>
    public ImmutableArray<ContainerRecord> List() =>
        [.. Ids().Select(Read).OfType<ContainerRecord>().OrderByDescending(record => record.Created)];

    /// <summary>The state of a container, corrected when its processes are gone.</summary>
    public ContainerState ReadState(string id)
    {
        ContainerState state = ReadRawState(id) ?? new ContainerState { Status = ContainerStatus.Exited };
        if (state.Status != ContainerStatus.Running
            || state.Process?.IsAlive() == true
            || state.Monitor?.IsAlive() == true)
        {
            return state;
        }

        // Between the two looks the watcher may have finished its work.
        ContainerState again = ReadRawState(id) ?? state;
        return again.Status != ContainerStatus.Running ? again : again with
        {
            Status = ContainerStatus.Exited,
            Process = null,
            Monitor = null,
            ExitCode = LostExitCode,
            Finished = again.Started,
        };
    }

    /// <summary>Replaces the state of a container; a container that was removed meanwhile stays removed.</summary>
    public void WriteState(string id, ContainerState state)
    {
        if (Directory.Exists(PathOf(id)))
        {
            Write(Path.Combine(PathOf(id), StateFile), state, RunningJson.Default.ContainerState);
        }
    }

    /// <summary>Removes a container that does not run; its name is free afterwards. Twice is no error.</summary>
    public void Remove(ContainerRecord record)
    {
        string path = PathOf(record.Id);
        string grave = Path.Combine(_directory, $".old-{record.Id}");
        if (Directory.Exists(path))
        {
            Directory.Move(path, grave);
        }

        string name = Path.Combine(_directory, NamesDirectory, record.Name);
        if (ReadName(record.Name) == record.Id)
        {
            File.Delete(name);
        }

        FileTreeRemover.Remove(grave);
    }

    private IEnumerable<string> Ids() => Directory.Exists(_directory)
        ? Directory.EnumerateDirectories(_directory).Select(path => Path.GetFileName(path))
            .Where(name => name != NamesDirectory && name[0] != '.')
        : [];

    private ContainerRecord? Read(string id) =>
        TryRead(Path.Combine(PathOf(id), RecordFile), RunningJson.Default.ContainerRecord);

    private ContainerState? ReadRawState(string id) =>
        TryRead(Path.Combine(PathOf(id), StateFile), RunningJson.Default.ContainerState);

    private string? ReadName(string name)
    {
        if (!ContainerName.IsValid(name))
        {
            return null;
        }

        try
        {
            return File.ReadAllText(Path.Combine(_directory, NamesDirectory, name));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private string Reserve(string id, string? name)
    {
        if (name is not null && !ContainerName.IsValid(name))
        {
            throw new RunException(RunFailure.Malformed, $"invalid container name \"{name}\"")
            {
                Hint = "letters, digits, _ . and -, the first a letter or digit",
            };
        }

        for (int attempt = 0; attempt < MaxNameAttempts; attempt++)
        {
            string candidate = name ?? ContainerName.Suggest(attempt);
            string path = Path.Combine(_directory, NamesDirectory, candidate);
            if (TryReserve(path, id))
            {
                return candidate;
            }

            if (name is not null)
            {
                throw new RunException(RunFailure.NameInUse, $"the container name \"{name}\" is in use by {ReadName(name)}")
                {
                    Hint = $"remove it with 'bld rm {name}', or choose another name",
                };
            }
        }

        throw new RunException(RunFailure.NameInUse, "no free container name was found") { Hint = "give one with --name" };
    }

    /// <summary>Takes a name; one whose container is gone (killed while it was made) is free.</summary>
    private bool TryReserve(string path, string id)
    {
        if (File.Exists(path) && !Directory.Exists(PathOf(File.ReadAllText(path))))
        {
            File.Delete(path);
        }

        try
        {
            using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write);
            file.Write(System.Text.Encoding.ASCII.GetBytes(id));
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    private static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        string draft = path + ".new";
        File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(value, type));
        File.Move(draft, path, overwrite: true);
    }

    private static T? TryRead<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            // Gone, or damaged: 'bld system check' tells of the latter.
            return null;
        }
    }
}
