// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.ControlGroups;

/// <summary>
/// A control group for one container, below this process's own: in the hierarchies of version 1 that are writable, else in
/// the unified one where it is delegated. The container's first process joins it before it does anything else. Disposing
/// removes it; the container must be gone.
/// </summary>
internal sealed class ControlGroup : IDisposable
{
    private const int RemovalAttempts = 50;
    private const int RemovalPauseMilliseconds = 10;
    private const string MembersFile = "cgroup.procs";

    private readonly List<string> _directories = [];
    private readonly List<SafeFileHandle> _members = [];

    private ControlGroup()
    {
    }

    /// <summary>Makes a group.</summary>
    /// <param name="name">Its name, new.</param>
    /// <param name="limits">Its limits.</param>
    /// <exception cref="SandboxException">One of the limits cannot be had here: none is left out.</exception>
    public static ControlGroup Create(string name, GroupLimits limits)
    {
        var group = new ControlGroup();
        try
        {
            IReadOnlyList<GroupHierarchy> hierarchies = GroupHierarchies.Find();
            foreach (string controller in limits.Files(isVersion2: false).Select(file => file.Controller).Distinct())
            {
                GroupHierarchy hierarchy = hierarchies.FirstOrDefault(candidate => candidate.Controllers.Contains(controller))
                    ?? throw Failure(controller, "no mounted hierarchy of control groups has it", null);
                group.Limit(hierarchy, name, controller, limits);
            }

            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>Appends the rows with which a process joins the group.</summary>
    public void AppendRows(SyscallProgramme programme)
    {
        foreach (SafeFileHandle members in _members)
        {
            programme.Add("join the control group", Syscall.Write, members.Number(), programme.Text("0"), 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _members.ForEach(members => members.Dispose());
        _members.Clear();
        foreach (string directory in _directories)
        {
            Remove(directory);
        }

        _directories.Clear();
    }

    private static void Remove(string directory)
    {
        for (int attempt = 0; attempt < RemovalAttempts && Directory.Exists(directory); attempt++)
        {
            try
            {
                Directory.Delete(directory);
            }
            catch (IOException)
            {
                // Its last process is on its way out.
                using var pause = new ManualResetEventSlim();
                pause.Wait(RemovalPauseMilliseconds);
            }
            catch (UnauthorizedAccessException)
            {
                return;
            }
        }
    }

    private static SandboxException Failure(string controller, string cause, Exception? inner) =>
        new($"limit {controller} of the container: {cause}", inner)
        {
            Hint = "as root of the machine it works; others need a delegated control group: "
                + "systemd-run --user --scope -p Delegate=yes bld run ...",
        };

    private void Limit(GroupHierarchy hierarchy, string name, string controller, GroupLimits limits)
    {
        try
        {
            if (hierarchy.IsVersion2)
            {
                Delegate(hierarchy.Directory, controller);
            }

            string directory = Path.Join(hierarchy.Directory, name);
            if (!_directories.Contains(directory))
            {
                Directory.CreateDirectory(directory);
                _directories.Add(directory);
                _members.Add(File.OpenHandle(Path.Join(directory, MembersFile), FileMode.Open, FileAccess.Write, FileShare.ReadWrite));
            }

            foreach ((_, string file, string value) in limits.Files(hierarchy.IsVersion2).Where(file => file.Controller == controller))
            {
                Write(Path.Join(directory, file), value);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failure(controller, failure.Message, failure);
        }
    }

    // Children get a controller only from a group without processes of its own: this one steps aside.
    private static void Delegate(string directory, string controller)
    {
        string enabled = Path.Join(directory, "cgroup.subtree_control");
        if (File.ReadAllText(enabled).Split([' ', '\n']).Contains(controller, StringComparer.Ordinal))
        {
            return;
        }

        try
        {
            Write(enabled, "+" + controller);
        }
        catch (IOException)
        {
            string aside = Path.Join(directory, "bld");
            Directory.CreateDirectory(aside);
            Write(Path.Join(aside, MembersFile), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            Write(enabled, "+" + controller);
        }
    }

    // One write(2), as these files want it.
    private static void Write(string path, string value)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        int written = Libc.WriteSome(file, Encoding.ASCII.GetBytes(value));
        if (written < 0)
        {
            throw new IOException($"write {path}: {ErrnoText.Describe((Errno)(-written))}");
        }
    }
}
