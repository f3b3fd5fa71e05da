// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A name in a held directory, which may or may not be there.</summary>
internal sealed class Entry(FileDescriptor directory, byte[] name) : IDisposable
{
    /// <summary>The directory (O_PATH).</summary>
    public int Directory => directory.Value;

    /// <summary>The name.</summary>
    public byte[] Name { get; } = name;

    /// <inheritdoc/>
    public void Dispose() => directory.Dispose();
}
