// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>Reads /etc/subuid and /etc/subgid. Source: subuid(5).</summary>
internal static class SubordinateIds
{
    /// <summary>The ranges of a user, by name or by number, in the file's order; none when the file is missing.</summary>
    public static ImmutableArray<IdRange> Find(string path, uint userId)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        string number = userId.ToString(CultureInfo.InvariantCulture);
        string? name = NameOf(userId);
        ImmutableArray<IdRange>.Builder ranges = ImmutableArray.CreateBuilder<IdRange>();
        foreach (string line in File.ReadLines(path))
        {
            string[] fields = line.Trim().Split(':');
            if (fields.Length == 3 && (fields[0] == number || fields[0] == name)
                && uint.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint first)
                && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint count)
                && count > 0)
            {
                ranges.Add(new IdRange(0, first, count));
            }
        }

        return ranges.ToImmutable();
    }

    private static string? NameOf(uint userId)
    {
        if (!File.Exists("/etc/passwd"))
        {
            return null;
        }

        string number = userId.ToString(CultureInfo.InvariantCulture);
        return File.ReadLines("/etc/passwd")
            .Select(line => line.Split(':'))
            .FirstOrDefault(fields => fields.Length > 3 && fields[2] == number)?[0];
    }
}
