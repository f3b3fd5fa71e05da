// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Builder.Solver.Files;

namespace Builder.Executor.FileSystem;

/// <summary>A line of /etc/passwd.</summary>
internal sealed record UserEntry(string Name, uint UserId, uint GroupId, string Home);

/// <summary>A line of /etc/group.</summary>
internal sealed record GroupEntry(string Name, uint GroupId, ImmutableArray<string> Members);

/// <summary>
/// The users and groups of an image, read from its /etc/passwd and /etc/group; never through the machine's own name
/// service. Malformed lines are skipped, as the C library does. Files and lines have a size limit.
/// </summary>
internal sealed class UserDatabase
{
    /// <summary>How much of a file is read.</summary>
    public const int MaxFileBytes = 4 * 1024 * 1024;

    private const int MaxLineChars = 64 * 1024;

    private UserDatabase(ImmutableArray<UserEntry> users, ImmutableArray<GroupEntry> groups)
    {
        Users = users;
        Groups = groups;
    }

    /// <summary>The users, in the file's order.</summary>
    public ImmutableArray<UserEntry> Users { get; }

    /// <summary>The groups, in the file's order.</summary>
    public ImmutableArray<GroupEntry> Groups { get; }

    /// <summary>Reads the database of a file system; missing files are empty ones.</summary>
    public static UserDatabase Read(IFileTree tree) => Parse(ReadText(tree, "etc/passwd"), ReadText(tree, "etc/group"));

    /// <summary>Parses the two files.</summary>
    public static UserDatabase Parse(string passwd, string group) => new(
        [.. Lines(passwd).Select(ParseUser).OfType<UserEntry>()],
        [.. Lines(group).Select(ParseGroup).OfType<GroupEntry>()]);

    /// <summary>The first user of a name, or null.</summary>
    public UserEntry? FindUser(string name) =>
        Users.FirstOrDefault(user => string.Equals(user.Name, name, StringComparison.Ordinal));

    /// <summary>The first user of an id, or null.</summary>
    public UserEntry? FindUser(uint userId) => Users.FirstOrDefault(user => user.UserId == userId);

    /// <summary>The first group of a name, or null.</summary>
    public GroupEntry? FindGroup(string name) =>
        Groups.FirstOrDefault(group => string.Equals(group.Name, name, StringComparison.Ordinal));

    /// <summary>The ids of the groups that list a user as member, in the file's order, each once.</summary>
    public ImmutableArray<uint> SupplementaryGroups(string userName) =>
        [.. Groups.Where(group => group.Members.Contains(userName, StringComparer.Ordinal))
            .Select(group => group.GroupId).Distinct()];

    private static string ReadText(IFileTree tree, string path)
    {
        // A link is followed by asking for its resolved place: "etc/passwd" may itself be a link inside the root.
        FileNode? node = tree.Find(path);
        for (int hops = 0; node is { Kind: FileKind.Symlink, LinkTarget: { } target } && hops < 8; hops++)
        {
            int slash = path.LastIndexOf('/');
            path = target.StartsWith('/') ? target.TrimStart('/') : $"{path[..(slash + 1)]}{target}";
            node = tree.Find(path);
        }

        if (node is not { Kind: FileKind.Regular })
        {
            return "";
        }

        using Stream stream = tree.Open(path);
        byte[] buffer = new byte[(int)Math.Min(node.Size, MaxFileBytes)];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n').Select(line => line.TrimEnd('\r'))
            .Where(line => line.Length is > 0 and <= MaxLineChars && line[0] != '#');

    // name:password:uid:gid:comment:home:shell
    private static UserEntry? ParseUser(string line)
    {
        string[] fields = line.Split(':');
        return fields.Length >= 4 && TryParseId(fields[2], out uint user) && TryParseId(fields[3], out uint group)
            ? new UserEntry(fields[0], user, group, fields.Length > 5 ? fields[5] : "")
            : null;
    }

    // name:password:gid:member,member
    private static GroupEntry? ParseGroup(string line)
    {
        string[] fields = line.Split(':');
        return fields.Length >= 3 && TryParseId(fields[2], out uint group)
            ? new GroupEntry(
                fields[0], group,
                fields.Length > 3 ? [.. fields[3].Split(',', StringSplitOptions.RemoveEmptyEntries)] : [])
            : null;
    }

    // As runc has it. 4294967295 would be "leave it as it is" for the kernel, and the command would stay root.
    private static bool TryParseId(string text, out uint id) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= int.MaxValue;
}
