// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Oci;

namespace Builder.Executor.RemoteCache;

/// <summary>A place, neither a registry nor a layout, that layers can be fetched from.</summary>
internal interface IBlobPlace
{
    /// <summary>Opens a blob; the bytes are not verified here.</summary>
    /// <exception cref="Frontend.BuildException">It cannot be had.</exception>
    Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken);
}
