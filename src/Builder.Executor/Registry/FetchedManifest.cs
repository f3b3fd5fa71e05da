// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>A manifest or index as a registry sent it, verified.</summary>
/// <param name="MediaType">The Content-Type of the answer, without parameters.</param>
/// <param name="Digest">The SHA-256 of the bytes.</param>
/// <param name="Bytes">Exactly what was sent: its digest is its name.</param>
internal sealed record FetchedManifest(string MediaType, Digest Digest, ReadOnlyMemory<byte> Bytes);

/// <summary>What HEAD says of a manifest.</summary>
internal sealed record ManifestHead(string MediaType, Digest? Digest, long SizeBytes);
