// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A file or directory of this machine that stands at a path of the step's root, as a mount would.</summary>
internal sealed class GuestMount : IDisposable
{
    /// <summary>Takes over the reference.</summary>
    /// <param name="target">Absolute path in the step, without links; "" is its root.</param>
    /// <param name="handle">A reference to what stands there.</param>
    /// <param name="isReadOnly">It may not be changed.</param>
    /// <param name="isProc">It is /proc, of which a step sees its own processes only.</param>
    public GuestMount(byte[] target, FileDescriptor handle, bool isReadOnly = false, bool isProc = false)
    {
        Target = target;
        Handle = handle;
        IsReadOnly = isReadOnly;
        IsProc = isProc;
        HostPath = HostCall.PathOf(handle.Value) ?? [];
        _ = HostCall.Status(handle.Value, out FileStatus status);
        Status = status;
    }

    /// <summary>Where it stands.</summary>
    public byte[] Target { get; }

    /// <summary>What stands there.</summary>
    public FileDescriptor Handle { get; }

    /// <summary>Where that lies on this machine.</summary>
    public byte[] HostPath { get; }

    /// <summary>Its status when it was mounted.</summary>
    public FileStatus Status { get; }

    /// <summary>It may not be changed.</summary>
    public bool IsReadOnly { get; }

    /// <summary>It is /proc.</summary>
    public bool IsProc { get; }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
