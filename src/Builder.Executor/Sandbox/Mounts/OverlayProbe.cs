// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Sandbox.Mounts;

/// <summary>Finds out whether a store's file system can hold the upper of an overlay.</summary>
internal static unsafe class OverlayProbe
{
    private const int StatusWords = 32;

    // ext4, xfs, btrfs, tmpfs: no need to try. Source: linux/magic.h.
    private static readonly long[] s_suitable = [0xEF53, 0x58465342, 0x9123683E, 0x01021994];

    /// <summary>True when it can; found out by trying where the kind of file system does not say so. An overlay cannot
    /// hold one: the root of a container without a volume.</summary>
    public static bool CanMount(Store store)
    {
        long* status = stackalloc long[StatusWords];
        fixed (byte* path = NativePath.Terminate(PathEncoding.Encode(store.Root), stackalloc byte[NativePath.InlineBytes]))
        {
            if (Libc.StatFileSystem(path, status) == 0 && s_suitable.Contains(status[0]))
            {
                return true;
            }
        }

        return Try(store);
    }

    private static bool Try(Store store)
    {
        string place = store.Tmp.CreateDirectory("probe");
        try
        {
            string[] paths = [.. ((string[])["lower", "upper", "work"]).Select(name => Path.Combine(place, name))];
            foreach (string path in paths)
            {
                Directory.CreateDirectory(path);
            }

            OverlayMount.Create(new OverlayDirectories(
                [paths[0]], paths[1], paths[2], HostFacts.Current.IsInUserNamespace)).Dispose();
            return true;
        }
        catch (SandboxException failure) when (failure.Errno == Errno.EINVAL)
        {
            return false;
        }
        finally
        {
            FileTreeRemover.Remove(place);
        }
    }
}
