// SPDX-License-Identifier: Apache-2.0

using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Interop;

/// <summary>Owns a file descriptor and closes it once.</summary>
internal sealed class FileDescriptor : SafeHandleMinusOneIsInvalid
{
    /// <summary>Takes ownership of <paramref name="descriptor"/>.</summary>
    public FileDescriptor(int descriptor)
        : base(ownsHandle: true)
    {
        SetHandle(descriptor);
    }

    /// <summary>The number, valid while this object lives.</summary>
    public int Value => IsClosed ? throw new ObjectDisposedException(nameof(FileDescriptor)) : (int)handle;

    /// <summary>Gives the descriptor to a .NET handle; this object no longer owns it.</summary>
    public SafeFileHandle Release()
    {
        var result = new SafeFileHandle(handle, ownsHandle: true);
        SetHandleAsInvalid();
        return result;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
