// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Mounts;

/// <summary>
/// Mount points that a file system lacks, as the lowest layer of its overlay: they are there to mount on, and the upper
/// never hears of them.
/// </summary>
internal static class MountPointLayer
{
    private const int DirectoryMode = 0b111_101_101;
    private const int FileMode = 0b110_100_100;

    /// <summary>Makes the layer in an empty directory.</summary>
    /// <param name="directory">Where it goes.</param>
    /// <param name="tree">The file system, or null for an empty one.</param>
    /// <param name="points">Canonical paths without a leading '/', and whether each is a directory.</param>
    public static void Create(string directory, IFileTree? tree, IEnumerable<(string Path, bool IsDirectory)> points)
    {
        using FileDescriptor root = AtCalls.Open(directory, OpenFlags.DirectoryPath);
        AtCalls.Chmod(AtCalls.CurrentDirectory, PathEncoding.Encode(directory), DirectoryMode);
        var made = new List<byte[]>();
        foreach ((string path, bool isDirectory) in points)
        {
            if (path.Length == 0 || tree?.Find(path) is not null)
            {
                continue;
            }

            string[] names = path.Split('/');
            for (int count = 1; count <= names.Length; count++)
            {
                byte[] name = PathEncoding.Encode(string.Join('/', names[..count]));
                if (AtCalls.TryStat(root.Value, name, out _))
                {
                    continue;
                }

                Make(root.Value, name, isDirectory || count < names.Length);
                made.Add(name);
            }
        }

        // The time of the step would be seen inside; it must not differ from run to run.
        for (int i = made.Count - 1; i >= 0; i--)
        {
            AtCalls.SetModificationTime(root.Value, made[i], 0, 0);
        }
    }

    private static void Make(int root, byte[] name, bool isDirectory)
    {
        if (isDirectory)
        {
            AtCalls.MakeDirectory(root, name, DirectoryMode);
            AtCalls.Chmod(root, name, DirectoryMode);
        }
        else
        {
            using FileDescriptor file = AtCalls.Open(
                root, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, FileMode);
            AtCalls.Chmod(file.Value, [], FileMode);
        }
    }
}
