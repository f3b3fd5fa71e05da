// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;

namespace Builder.EndToEnd.Tests;

/// <summary>The published executable with a store of its own, used by root or by another user.</summary>
public sealed class Bld : IDisposable
{
    private readonly TemporaryDirectory _directory = new("bld-e2e-");
    private readonly TestUser? _user;

    public Bld(TestUser? user = null)
    {
        _user = user;
        if (user is not null)
        {
            new Command("chown", user.Name, _directory.Path).Run().Succeeded();
        }

        Root = _directory["store"];
    }

    /// <summary>The executable: $BLD, else artifacts/bld of the checkout.</summary>
    public static string Executable { get; } = FindExecutable();

    /// <summary>The store.</summary>
    public string Root { get; }

    /// <summary>A directory for contexts and outputs, removed with the store.</summary>
    public string this[string relative] => _directory[relative];

    public string Write(string relative, string text)
    {
        string path = _directory.Write(relative, text);
        if (_user is not null)
        {
            new Command("chown", "-R", _user.Name, _directory[relative.Split('/')[0]]).Run().Succeeded();
        }

        return path;
    }

    /// <summary>A context directory with a Dockerfile and files "name=text".</summary>
    public string Context(string name, string dockerfile, params (string Path, string Text)[] files)
    {
        Write($"{name}/Dockerfile", dockerfile);
        foreach ((string path, string text) in files)
        {
            Write($"{name}/{path}", text);
        }

        // times that do not depend on the moment
        new Command("find", _directory[name], "-exec", "touch", "-h", "-d", "@1700000000", "{}", "+").Run().Succeeded();
        return _directory[name];
    }

    public Command Command(params IEnumerable<string> arguments)
    {
        Command command = _user is null
            ? new Command(Executable, arguments)
            : _user.Run("env", [$"BLD_ROOT={Root}", Executable, .. arguments]);
        return command.With("BLD_ROOT", Root);
    }

    public CommandResult Run(params IEnumerable<string> arguments) => Command(arguments).Run();

    /// <summary>Runs and expects success.</summary>
    public CommandResult Ok(params IEnumerable<string> arguments) => Run(arguments).Succeeded();

    /// <summary>The diffIDs of an image, lowest first.</summary>
    public string[] DiffIds(string image) =>
        Ok("image", "inspect", "-f", "{{range .RootFS.Layers}}{{.}} {{end}}", image).Text
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        CommandResult containers = Run("ps", "-aq");
        foreach (string id in containers.ExitCode == 0 ? containers.Lines : [])
        {
            Run("rm", "-f", id);
        }

        _directory.Dispose();
    }

    private static string FindExecutable()
    {
        string? given = Environment.GetEnvironmentVariable("BLD");
        if (given is not null)
        {
            return Path.GetFullPath(given);
        }

        string executable = Path.Combine(Bases.Repository, "artifacts", "bld");
        return File.Exists(executable)
            ? executable
            : throw new InvalidOperationException("no executable: run eng/build.sh or set BLD");
    }
}
