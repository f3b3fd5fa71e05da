// SPDX-License-Identifier: Apache-2.0

namespace Builder.TestSupport;

/// <summary>A user of this machine that tests play; made when it is missing, which needs root.</summary>
public sealed class TestUser
{
    private TestUser(string name, string home)
    {
        Name = name;
        Home = home;
    }

    /// <summary>An ordinary user with 65,536 sub-ids.</summary>
    public static TestUser WithSubIds => s_withSubIds.Value;

    /// <summary>An ordinary user without sub-ids.</summary>
    public static TestUser WithoutSubIds => s_withoutSubIds.Value;

    public string Name { get; }

    public string Home { get; }

    private static readonly Lazy<TestUser> s_withSubIds = new(() => Make("bldsub", 4242, "200000:65536"));
    private static readonly Lazy<TestUser> s_withoutSubIds = new(() => Make("bldplain", 4343, null));

    /// <summary>A command that this user runs in a clean environment.</summary>
    public Command Run(string file, params IEnumerable<string> arguments) =>
        new Command(
                "setpriv",
                ["--reuid", Name, "--regid", Name, "--init-groups", "--reset-env", file, .. arguments])
            .In(Home)
            .With("XDG_RUNTIME_DIR", null);

    private static TestUser Make(string name, int id, string? subIds)
    {
        string home = $"/home/{name}";
        if (new Command("id", name).Run().ExitCode != 0)
        {
            // -K: no automatic sub-ids
            new Command("useradd", "-m", "-u", $"{id}", "-s", "/bin/sh", "-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0", name)
                .Run().Succeeded();
        }

        foreach (string file in (string[])["/etc/subuid", "/etc/subgid"])
        {
            string[] lines = File.Exists(file) ? File.ReadAllLines(file) : [];
            IEnumerable<string> others = lines.Where(line => !line.StartsWith(name + ":", StringComparison.Ordinal));
            IEnumerable<string> wanted = subIds is null ? others : others.Append($"{name}:{subIds}");
            if (!lines.SequenceEqual(wanted))
            {
                File.WriteAllLines(file, wanted.ToArray());
            }
        }

        return new TestUser(name, home);
    }
}
