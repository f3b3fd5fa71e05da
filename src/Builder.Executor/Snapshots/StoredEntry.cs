// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.FileSystem;
using Builder.Executor.Interop;

namespace Builder.Executor.Snapshots;

/// <summary>An entry of a file system as it lies on disk: in which layer's directory, with what status.</summary>
/// <param name="Name">Its last component; empty for a root.</param>
/// <param name="Layer">Tells the layers of one file system apart; inodes compare within one only.</param>
/// <param name="Root">The held directory of that layer.</param>
/// <param name="Path">The path below <paramref name="Root"/>; no component before the last is a link.</param>
/// <param name="Status">What stat says of it.</param>
/// <param name="Owners">Keeps what the disk cannot hold of it.</param>
internal sealed record StoredEntry(byte[] Name, int Layer, int Root, byte[] Path, FileStatus Status, OwnerStore Owners);
