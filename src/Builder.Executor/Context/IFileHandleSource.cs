// SPDX-License-Identifier: Apache-2.0

using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Context;

/// <summary>A tree whose files can be read by their descriptors, without a stream in between.</summary>
internal interface IFileHandleSource
{
    /// <summary>Opens a regular file; the caller disposes the handle.</summary>
    SafeFileHandle OpenHandle(string path);
}
