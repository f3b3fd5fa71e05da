// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.ControlGroups;

/// <summary>
/// Finds where in the unified hierarchy groups with certain controllers can be made. Only a group without processes hands
/// controllers down, so that bld steps aside into a child of its own group where it is alone there; where it is not, an
/// ancestor will do that this user may change. Source: the kernel's admin-guide/cgroup-v2.rst, "No Internal Process
/// Constraint" and "Delegation Containment".
/// </summary>
internal static class DelegatedGroup
{
    private const string AsideName = "bld";
    private const string EnabledFile = "cgroup.subtree_control";
    private const string MembersFile = "cgroup.procs";

    /// <summary>A directory in which new groups have all the controllers.</summary>
    /// <param name="own">The directory of this process's group.</param>
    /// <param name="controllers">The controllers.</param>
    /// <exception cref="IOException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">There is none that this user may change.</exception>
    public static string Find(string own, IReadOnlyList<string> controllers)
    {
        // Here because an earlier container made it step aside.
        string above = Path.GetDirectoryName(own) ?? own;
        if (Path.GetFileName(own) == AsideName && IsGroup(above) && Hands(above, controllers))
        {
            return above;
        }

        Exception? failure = TryHandDown(own, controllers);
        if (failure is null || (failure is IOException && TryStepAside(own, controllers)))
        {
            return own;
        }

        for (string directory = above; IsGroup(directory); directory = Path.GetDirectoryName(directory) ?? "")
        {
            if (CanMoveBelow(directory) && TryHandDown(directory, controllers) is null)
            {
                return directory;
            }
        }

        throw failure;
    }

    /// <summary>One write(2), as the files of control groups want it.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public static void Write(string path, string value)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        int written = Libc.WriteSome(file, Encoding.ASCII.GetBytes(value));
        if (written < 0)
        {
            throw new IOException($"write {path}: {ErrnoText.Describe((Errno)(-written))}");
        }
    }

    private static bool IsGroup(string directory) => File.Exists(Path.Join(directory, EnabledFile));

    private static bool Hands(string directory, IReadOnlyList<string> controllers)
    {
        string[] enabled = File.ReadAllText(Path.Join(directory, EnabledFile)).Split([' ', '\n']);
        return controllers.All(controller => enabled.Contains(controller, StringComparer.Ordinal));
    }

    private static Exception? TryHandDown(string directory, IReadOnlyList<string> controllers)
    {
        try
        {
            if (!Hands(directory, controllers))
            {
                Write(Path.Join(directory, EnabledFile), string.Join(' ', controllers.Select(controller => "+" + controller)));
            }

            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return failure;
        }
    }

    // Who moves a process must be allowed to write here, too.
    private static bool CanMoveBelow(string directory)
    {
        try
        {
            using SafeFileHandle members = File.OpenHandle(
                Path.Join(directory, MembersFile), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // Another user namespace's bld waits for this one: it goes along. Others' processes are not ours to move.
    private static bool TryStepAside(string directory, IReadOnlyList<string> controllers)
    {
        try
        {
            string[] members = File.ReadAllLines(Path.Join(directory, MembersFile));
            if (!members.All(IsOwnExecutable))
            {
                return false;
            }

            string aside = Path.Join(directory, AsideName);
            Directory.CreateDirectory(aside);
            foreach (string member in members)
            {
                Write(Path.Join(aside, MembersFile), member);
            }

            return TryHandDown(directory, controllers) is null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsOwnExecutable(string member)
    {
        if (member == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
        {
            return true;
        }

        try
        {
            return File.ResolveLinkTarget($"/proc/{member}/exe", returnFinalTarget: false)?.FullName == Environment.ProcessPath;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
