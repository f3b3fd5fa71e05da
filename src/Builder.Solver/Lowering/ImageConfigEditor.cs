// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Images;

namespace Builder.Solver.Lowering;

/// <summary>The metadata instructions as changes of an image config.</summary>
internal sealed class ImageConfigEditor
{
    private static readonly ImmutableArray<string> s_defaultShell = ["/bin/sh", "-c"];

    /// <summary>Starts from a config.</summary>
    public ImageConfigEditor(ImageConfig config)
    {
        Current = config;
    }

    /// <summary>The config so far.</summary>
    public ImageConfig Current { get; private set; }

    /// <summary>SHELL, or docker's default.</summary>
    public ImmutableArray<string> Shell => Current.Shell.IsDefaultOrEmpty ? s_defaultShell : Current.Shell;

    /// <summary>WORKDIR, "/" when none was given.</summary>
    public string WorkingDirectory => string.IsNullOrEmpty(Current.WorkingDir) ? "/" : Current.WorkingDir;

    /// <summary>USER, "" when none was given.</summary>
    public string User => Current.User ?? "";

    /// <summary>Sets a variable; a known one keeps its place.</summary>
    public void SetEnvironment(string name, string value)
    {
        string entry = $"{name}={value}";
        for (int i = 0; i < Current.Env.Length; i++)
        {
            if (Current.Env[i].Length > name.Length && Current.Env[i][name.Length] == '='
                && Current.Env[i].StartsWith(name, StringComparison.Ordinal))
            {
                Current = Current with { Env = Current.Env.SetItem(i, entry) };
                return;
            }
        }

        Current = Current with { Env = Current.Env.Add(entry) };
    }

    /// <summary>LABEL.</summary>
    public void SetLabel(string name, string value) =>
        Current = Current with { Labels = Current.Labels.SetItem(name, value) };

    /// <summary>MAINTAINER.</summary>
    public void SetAuthor(string author) => Current = Current with { Author = author };

    /// <summary>EXPOSE.</summary>
    public void AddPorts(IEnumerable<string> ports) =>
        Current = Current with { ExposedPorts = Current.ExposedPorts.Union(ports) };

    /// <summary>VOLUME.</summary>
    public void AddVolumes(IEnumerable<string> paths) =>
        Current = Current with { Volumes = Current.Volumes.Union(paths) };

    /// <summary>USER.</summary>
    public void SetUser(string user) => Current = Current with { User = user };

    /// <summary>WORKDIR, absolute.</summary>
    public void SetWorkingDirectory(string directory) => Current = Current with { WorkingDir = directory };

    /// <summary>CMD.</summary>
    public void SetCommand(ImmutableArray<string> command) =>
        Current = Current with { Cmd = command, ArgsEscaped = true };

    /// <summary>ENTRYPOINT; an inherited CMD belonged to the entry point that is replaced.</summary>
    public void SetEntrypoint(ImmutableArray<string> entrypoint, bool keepCommand) =>
        Current = Current with { Entrypoint = entrypoint, Cmd = keepCommand ? Current.Cmd : null };

    /// <summary>SHELL.</summary>
    public void SetShell(ImmutableArray<string> shell) => Current = Current with { Shell = shell };

    /// <summary>STOPSIGNAL.</summary>
    public void SetStopSignal(string signal) => Current = Current with { StopSignal = signal };

    /// <summary>HEALTHCHECK.</summary>
    public void SetHealthCheck(HealthCheck check) => Current = Current with { HealthCheck = check };

    /// <summary>ONBUILD.</summary>
    public void AddTrigger(string trigger) => Current = Current with { OnBuild = Current.OnBuild.Add(trigger) };
}
