// SPDX-License-Identifier: Apache-2.0

using Builder.Solver.Images;

namespace Builder.Solver.Graph;

/// <summary>A file system that a vertex needs: one that is known from the start, or the output of another vertex.</summary>
internal sealed class FileSystemInput
{
    private FileSystemInput(LayerStack? stack, Vertex? vertex)
    {
        Stack = stack;
        Vertex = vertex;
    }

    /// <summary>The empty file system.</summary>
    public static FileSystemInput Scratch { get; } = Known(LayerStack.Empty);

    /// <summary>The known file system, or null.</summary>
    public LayerStack? Stack { get; }

    /// <summary>The vertex whose output is meant, or null.</summary>
    public Vertex? Vertex { get; }

    /// <summary>The file system of an image.</summary>
    public static FileSystemInput Known(LayerStack stack) => new(stack, null);

    /// <summary>The output of a vertex.</summary>
    public static FileSystemInput OutputOf(Vertex vertex) => new(null, vertex);
}
