// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Oci;

namespace Builder.Executor.RemoteCache;

/// <summary>A place, neither a registry nor a layout, that layers can be fetched from.</summary>
internal interface IBlobPlace
{
    /// <summary>
    /// Gives a blob's bytes, which are not verified here; when the line breaks they are given anew from their beginning.
    /// </summary>
    /// <exception cref="Frontend.BuildException">It cannot be had.</exception>
    Task ReadAsync(Descriptor blob, Func<Stream, Task> consume, CancellationToken cancellationToken);
}
