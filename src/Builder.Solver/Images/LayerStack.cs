// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Builder.Frontend.Naming;

namespace Builder.Solver.Images;

/// <summary>
/// A file system as the layers that make it, lowest first: the <c>rootfs.diff_ids</c> of a config. The empty stack is
/// <c>scratch</c>. Equal stacks are equal by their <see cref="ChainId"/>.
/// </summary>
public sealed class LayerStack : IEquatable<LayerStack>
{
    private readonly Lazy<Digest> _chainId;

    /// <summary>Makes a stack of layers, lowest first.</summary>
    public LayerStack(ImmutableArray<DiffId> layers)
    {
        Layers = layers;
        _chainId = new Lazy<Digest>(() => ComputeChainId(layers.AsSpan()));
    }

    private LayerStack(LayerStack below, DiffId layer)
    {
        Layers = below.Layers.Add(layer);
        _chainId = new Lazy<Digest>(() => below.IsEmpty ? layer.Value : Chain(below.ChainId, layer));
    }

    /// <summary>The empty file system.</summary>
    public static LayerStack Empty { get; } = new([]);

    /// <summary>The layers, lowest first.</summary>
    public ImmutableArray<DiffId> Layers { get; }

    /// <summary>True for <c>scratch</c>.</summary>
    public bool IsEmpty => Layers.IsEmpty;

    /// <summary>
    /// The chainID: ChainID(L0) = L0, ChainID(L0|..|Ln) = SHA256(ChainID(L0|..|Ln-1) + " " + Ln); for the empty stack
    /// the SHA-256 of nothing. Source: image-spec, config.md "Layer ChainID".
    /// </summary>
    public Digest ChainId => _chainId.Value;

    /// <summary>This file system with one more layer on top.</summary>
    public LayerStack Push(DiffId layer) => new(this, layer);

    /// <summary>The chainID of layers, lowest first.</summary>
    public static Digest ComputeChainId(ReadOnlySpan<DiffId> layers)
    {
        if (layers.IsEmpty)
        {
            return Digest.FromHash(SHA256.HashData([]));
        }

        Digest chain = layers[0].Value;
        foreach (DiffId layer in layers[1..])
        {
            chain = Chain(chain, layer);
        }

        return chain;
    }

    /// <inheritdoc/>
    public bool Equals(LayerStack? other) => other is not null && Layers.AsSpan().SequenceEqual(other.Layers.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LayerStack);

    /// <inheritdoc/>
    public override int GetHashCode() => Layers.IsEmpty ? 0 : HashCode.Combine(Layers.Length, Layers[^1]);

    private static Digest Chain(Digest below, DiffId layer) =>
        Digest.FromHash(SHA256.HashData(Encoding.ASCII.GetBytes($"{below} {layer}")));
}
