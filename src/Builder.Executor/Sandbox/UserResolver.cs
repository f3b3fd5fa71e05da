// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Executor.FileSystem;

namespace Builder.Executor.Sandbox;

/// <summary>Turns USER's value into ids by the image's own passwd and group, as docker does.</summary>
internal static class UserResolver
{
    /// <summary>Resolves <c>user[:group]</c>, each a name or a number; "" is root.</summary>
    /// <exception cref="SandboxException">A name that the image does not have.</exception>
    public static SandboxUser Resolve(UserDatabase database, string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string user = colon < 0 ? text : text[..colon];
        string group = colon < 0 ? "" : text[(colon + 1)..];
        UserEntry? entry = user.Length == 0 ? database.FindUser(0) : database.FindUser(user);
        uint id = 0;
        if (entry is null && user.Length > 0)
        {
            id = TryParse(user)
                ?? throw Unknown("user", user, "passwd");
            entry = database.FindUser(id);
        }

        id = entry?.UserId ?? id;
        if (group.Length > 0)
        {
            uint groupId = database.FindGroup(group)?.GroupId ?? TryParse(group)
                ?? throw Unknown("group", group, "group");
            return new SandboxUser(id, groupId, [], entry?.Home ?? "");
        }

        return entry is null
            ? new SandboxUser(id, 0, [], id == 0 ? "/root" : "")
            : new SandboxUser(id, entry.GroupId, database.SupplementaryGroups(entry.Name), entry.Home);
    }

    private static SandboxException Unknown(string what, string name, string file) =>
        new($"find {what} {name}: no such entry in the image's /etc/{file}")
        {
            Hint = $"create the {what} in a RUN step before USER, or use a number",
        };

    private static uint? TryParse(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id <= int.MaxValue
            ? id
            : null;
}
