// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Steps;

/// <summary>Copies a directory of a file tree to the disk, with owners, modes and times; nodes are left out.</summary>
internal static class TreeCopy
{
    private const int NewFileMode = 0b110_000_000;
    private const int NewDirectoryMode = 0b111_000_000;

    /// <summary>Copies the entries of a directory into one that is held open.</summary>
    public static void Copy(IFileTree tree, string path, int directory, OwnerStore owners)
    {
        foreach (FileNode node in tree.List(path))
        {
            string source = path.Length == 0 ? node.Name : $"{path}/{node.Name}";
            byte[] name = PathEncoding.Encode(node.Name);
            switch (node.Kind)
            {
                case FileKind.Directory:
                    AtCalls.MakeDirectory(directory, name, NewDirectoryMode);
                    using (FileDescriptor child = AtCalls.Open(directory, name, OpenFlags.DirectoryPath))
                    {
                        Copy(tree, source, child.Value, owners);
                    }

                    break;
                case FileKind.Regular:
                    CopyFile(tree, source, directory, name);
                    break;
                case FileKind.Symlink:
                    AtCalls.Symlink(PathEncoding.Encode(node.LinkTarget ?? ""), directory, name);
                    break;
                default:
                    continue;
            }

            owners.Apply(directory, name, new RecordedAttributes(node.Kind, node.Mode, node.UserId, node.GroupId));
            AtCalls.SetModificationTime(directory, name, node.ModifiedSeconds, node.ModifiedNanoseconds);
        }
    }

    private static void CopyFile(IFileTree tree, string source, int directory, byte[] name)
    {
        using Stream from = tree.Open(source);
        using var to = new DescriptorStream(
            AtCalls.Open(
                directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, NewFileMode),
            true);
        from.CopyTo(to, 1 << 20);
    }
}
