// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Spawning;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.ControlGroups;

/// <summary>
/// A control group for one container or step, below this process's own: in the hierarchies of version 1 that are writable, else in
/// the unified one where it is delegated. The first process joins it before it does anything else. Disposing removes it;
/// all its processes must be gone.
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
    /// <param name="subject">What is limited, for messages: "the container".</param>
    /// <exception cref="SandboxException">One of the limits cannot be had here: none is left out.</exception>
    public static ControlGroup Create(string name, GroupLimits limits, string subject)
    {
        var group = new ControlGroup();
        try
        {
            IReadOnlyList<GroupHierarchy> hierarchies = GroupHierarchies.Find();
            foreach (IGrouping<GroupHierarchy, string> wanted in limits.Files(isVersion2: false)
                .Select(file => file.Controller).Distinct()
                .GroupBy(controller => hierarchies.FirstOrDefault(candidate => candidate.Controllers.Contains(controller))
                    ?? throw Failure(subject, controller, "no mounted hierarchy of control groups has it", null)))
            {
                group.Limit(wanted.Key, name, [.. wanted], limits, subject);
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

    private static SandboxException Failure(string subject, string controller, string cause, Exception? inner) =>
        new($"limit {controller} of {subject}: {cause}", inner)
        {
            Hint = "as root of the machine it works; others need a delegated control group: "
                + "systemd-run --user --scope -p Delegate=yes bld ...",
        };

    private void Limit(GroupHierarchy hierarchy, string name, string[] controllers, GroupLimits limits, string subject)
    {
        try
        {
            string parent = hierarchy.IsVersion2
                ? DelegatedGroup.Find(hierarchy.Directory, controllers)
                : hierarchy.Directory;
            string directory = Path.Join(parent, name);
            if (!_directories.Contains(directory))
            {
                Directory.CreateDirectory(directory);
                _directories.Add(directory);
                _members.Add(File.OpenHandle(Path.Join(directory, MembersFile), FileMode.Open, FileAccess.Write, FileShare.ReadWrite));
            }

            foreach ((_, string file, string value) in limits.Files(hierarchy.IsVersion2).Where(file => controllers.Contains(file.Controller)))
            {
                DelegatedGroup.Write(Path.Join(directory, file), value);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Failure(subject, string.Join(" and ", controllers), failure.Message, failure);
        }
    }
}
