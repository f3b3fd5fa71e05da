// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;

namespace Builder.Executor.Layers;

/// <summary>
/// Deleted names: ".wh.NAME" and ".wh..wh..opq" in a tar, a character device 0:0 and an attribute on disk. Source:
/// image-spec, layer.md "Whiteouts"; kernel, filesystems/overlayfs.rst.
/// </summary>
internal static class Whiteout
{
    private const string TrustedOpaque = "trusted.overlay.opaque";
    private const string UserOpaque = "user.overlay.opaque";

    /// <summary>What a whiteout's name begins with.</summary>
    public static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>The mark of an opaque directory.</summary>
    public static ReadOnlySpan<byte> OpaqueName => ".wh..wh..opq"u8;

    /// <summary>What the names of aufs' own files begin with; they belong to no image.</summary>
    public static ReadOnlySpan<byte> MetaPrefix => ".wh..wh."u8;

    /// <summary>Makes the mark of a deleted name.</summary>
    public static void Make(int directory, ReadOnlySpan<byte> name)
    {
        if (AtCalls.RawMknod(directory, name, FileType.CharacterDevice, 0, 0))
        {
            return;
        }

        // A store on an overlay (a container's own root): there no layer is mounted, and no layer holds a socket.
        if (AtCalls.LastError() is not (Errno.EPERM or Errno.EACCES)
            || !AtCalls.RawMknod(directory, name, FileType.Socket, 0, 0))
        {
            throw AtCalls.Failure("make whiteout", directory, name);
        }
    }

    /// <summary>
    /// Marks a directory as hiding what lies below it. Whoever may mount overlayfs with trusted attributes may set them;
    /// everybody else gets overlayfs with user attributes only. Who may, sets both: a user namespace of root reads the
    /// same store.
    /// </summary>
    public static void MakeOpaque(int directory, ReadOnlySpan<byte> name)
    {
        if (!Xattrs.RawSet(directory, name, TrustedOpaque, "y"u8))
        {
            Xattrs.Set(directory, name, UserOpaque, "y"u8);
        }
        else
        {
            Xattrs.RawSet(directory, name, UserOpaque, "y"u8);
        }
    }

    /// <summary>True when a directory hides what lies below it. Both attributes count: a store may have been written by
    /// root and by a user namespace of the same person.</summary>
    public static bool IsOpaque(int directory, ReadOnlySpan<byte> name) =>
        IsYes(Xattrs.Get(directory, name, TrustedOpaque)) || IsYes(Xattrs.Get(directory, name, UserOpaque));

    /// <summary>Takes the mark of <see cref="MakeOpaque"/> away from a directory that is open for reading.</summary>
    public static void ClearOpaque(int directory)
    {
        Xattrs.Remove(directory, TrustedOpaque);
        Xattrs.Remove(directory, UserOpaque);
    }

    private static bool IsYes(byte[]? value) => value is [(byte)'y'];
}
