// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Executor.Running;

/// <summary>A process and when it began: a pid alone may mean another process later. Source: proc_pid_stat(5).</summary>
/// <param name="Pid">Its id.</param>
/// <param name="StartTicks">Field 22 of its stat file.</param>
public sealed record ProcessIdentity(int Pid, long StartTicks)
{
    private const int StateField = 0;
    private const int StartField = 19; // 22 in the manual, counted from the field after the name

    /// <summary>The identity of a running process, or null when there is none of that id.</summary>
    public static ProcessIdentity? Of(int pid) =>
        ReadFields(pid) is { } fields
            && long.TryParse(fields[StartField], NumberStyles.None, CultureInfo.InvariantCulture, out long ticks)
            ? new ProcessIdentity(pid, ticks)
            : null;

    /// <summary>True while it runs; a zombie has ended.</summary>
    public bool IsAlive() => ReadFields(Pid) is { } fields
        && fields[StateField] is not ("Z" or "X")
        && fields[StartField] == StartTicks.ToString(CultureInfo.InvariantCulture);

    private static string[]? ReadFields(int pid)
    {
        try
        {
            string text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));

            // The name in parentheses may itself hold parentheses and blanks.
            string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields.Length > StartField ? fields : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
