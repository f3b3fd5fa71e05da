// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>A user and a group by number.</summary>
internal readonly record struct FileOwner(uint UserId, uint GroupId)
{
    private const long MaxDatabaseBytes = 16 << 20;
    private const int MaxLineChars = 65536;

    /// <summary>0:0.</summary>
    public static FileOwner Root { get; }

    /// <summary>True when a file system is needed to know what <c>USER[:GROUP]</c> means.</summary>
    public static bool HasNames(string text) =>
        text.Split(':', 2).Any(part => part.Length > 0 && ParseId(part) is null);

    /// <summary>
    /// What <c>USER[:GROUP]</c> means in a file system. Numbers stand for themselves; a user without a group brings the
    /// group of its /etc/passwd line, a number the same number; "root" is 0 anywhere; "" is 0:0.
    /// </summary>
    /// <param name="text">The value of <c>--chown</c> or USER.</param>
    /// <param name="openTree">Gives the file system; called only when a name has to be looked up. Null: there is none.</param>
    /// <exception cref="SolveException">A name that the file system does not know.</exception>
    public static FileOwner Resolve(string text, Func<IFileTree?> openTree)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string user = colon < 0 ? text : text[..colon];
        string group = colon < 0 ? "" : text[(colon + 1)..];
        FileOwner owner = Root;
        if (user.Length > 0)
        {
            owner = ParseId(user) is { } id ? new FileOwner(id, id) : FindUser(user, openTree());
        }

        if (group.Length > 0)
        {
            owner = owner with { GroupId = ParseId(group) ?? FindGroup(group, openTree()) };
        }

        return owner;
    }

    private static uint? ParseId(string text) =>
        text == "root" ? 0
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id != uint.MaxValue ? id
        : null;

    private static FileOwner FindUser(string name, IFileTree? tree)
    {
        // name:password:uid:gid:...
        string[] fields = FindLine(tree, "etc/passwd", name, 4) ?? throw Unknown("user", name, "/etc/passwd");
        return ParseId(fields[2]) is { } uid && ParseId(fields[3]) is { } gid
            ? new FileOwner(uid, gid)
            : throw Unknown("user", name, "/etc/passwd");
    }

    private static uint FindGroup(string name, IFileTree? tree)
    {
        // name:password:gid:members
        string[] fields = FindLine(tree, "etc/group", name, 3) ?? throw Unknown("group", name, "/etc/group");
        return ParseId(fields[2]) ?? throw Unknown("group", name, "/etc/group");
    }

    private static string[]? FindLine(IFileTree? tree, string path, string name, int fields)
    {
        if (tree is null)
        {
            return null;
        }

        path = TreePath.Resolve(path, tree.Find);
        if (tree.Find(path) is not { Kind: FileKind.Regular, Size: <= MaxDatabaseBytes })
        {
            return null;
        }

        using Stream stream = tree.Open(path);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        string wanted = Encoding.Latin1.GetString(PathEncoding.Encode(name));
        while (reader.ReadLine() is { } line)
        {
            string[] parts = line.Length <= MaxLineChars ? line.Split(':') : [];
            if (parts.Length >= fields && parts[0] == wanted)
            {
                return parts;
            }
        }

        return null;
    }

    private static SolveException Unknown(string kind, string name, string file) =>
        new($"find {kind} \"{name}\": no such {kind} in {file} of this stage")
        {
            Subject = name,
            Hint = $"create the {kind} before this line, or give its number",
        };
}
