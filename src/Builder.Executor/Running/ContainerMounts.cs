// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Solver.Files;

namespace Builder.Executor.Running;

/// <summary>Turns the mounts of a container into mounts that its sandbox can attach.</summary>
internal static class ContainerMounts
{
    /// <summary>Opens what a mount shows; volumes are made and filled when they are new.</summary>
    /// <exception cref="RunException">A bind's source is missing.</exception>
    public static DetachedMount Open(ContainerPlaces places, ContainerMount mount, DetachedMount root)
    {
        ulong attributes = mount.ReadOnly ? Libc.MountReadOnly : 0;
        return mount.Kind switch
        {
            ContainerMountKind.Tmpfs => DetachedMount.Tmpfs(
                mount.Mode, mount.SizeBytes, attributes | Libc.MountNoSuid | Libc.MountNoDev),
            ContainerMountKind.Volume => OpenVolume(places.Volumes, mount, root, attributes),
            _ => OpenBind(mount, attributes),
        };
    }

    private static DetachedMount OpenBind(ContainerMount mount, ulong attributes)
    {
        if (!Path.Exists(mount.Source))
        {
            if (!mount.CreateSource)
            {
                throw new RunException(RunFailure.NotStarted, $"mount {mount.Source}: no such file or directory")
                {
                    Hint = "--mount needs its source; -v makes a missing directory",
                };
            }

            Directory.CreateDirectory(mount.Source);
        }

        return DetachedMount.Bind(mount.Source, isRecursive: true, attributes);
    }

    private static DetachedMount OpenVolume(VolumeStore volumes, ContainerMount mount, DetachedMount root, ulong attributes)
    {
        volumes.Create(mount.Source);
        string data = volumes.DataPath(mount.Source);
        if (!mount.NoCopy && !Directory.EnumerateFileSystemEntries(data).Any())
        {
            Seed(data, mount.Target, root);
        }

        return DetachedMount.Bind(data, isRecursive: false, attributes);
    }

    private static void Seed(string data, string target, DetachedMount root)
    {
        using SafeFileTree tree = ContainerFiles.OpenRoot(root);
        using FileDescriptor? source = tree.TryOpen(
            PathEncoding.Encode(target.Trim('/')), OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec);
        if (source is not null)
        {
            using FileDescriptor destination = AtCalls.Open(data, OpenFlags.DirectoryRead);
            TreeSeeder.Copy(source, destination);
        }
    }
}
