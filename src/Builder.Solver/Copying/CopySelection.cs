// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;
using Builder.Solver.Operations;
using Builder.Solver.Ports;

namespace Builder.Solver.Copying;

/// <summary>The files that a <see cref="CopyRequest"/> takes from its sources.</summary>
internal sealed class CopySelection
{
    private const int HeredocMode = 0x1A4;

    private readonly IgnoreMatcher _exclude;

    private CopySelection(CopyRequest request, IgnoreMatcher exclude, ImmutableArray<SelectedRoot> roots)
    {
        Request = request;
        _exclude = exclude;
        Roots = roots;
    }

    /// <summary>What was asked.</summary>
    public CopyRequest Request { get; }

    /// <summary>What is copied, in order; empty when nothing but wildcards was asked for and none matched.</summary>
    public ImmutableArray<SelectedRoot> Roots { get; }

    /// <summary>Matches every source. Sources stand in the order of <see cref="CopyRequest.Sources"/>.</summary>
    /// <exception cref="SolveException">A source is missing, or a pattern is malformed.</exception>
    public static CopySelection Select(ImmutableArray<CopySource> sources, CopyRequest request)
    {
        var selector = new SourceSelector(request, ReadExclude(request.Exclude));
        foreach (CopySource source in sources)
        {
            selector.Add(source);
        }

        // a pattern that matches nothing does not count
        if (request.Sources.Length + request.Heredocs.Length > 1
            && selector.Roots.Count + request.Heredocs.Length > 1 && !TreePath.SaysDirectory(request.Destination))
        {
            throw new SolveException(
                $"copy to \"{request.Destination}\": with more than one source the destination must be a directory")
            {
                Hint = $"end the destination with '/': {request.Destination}/",
            };
        }

        return new CopySelection(
            request, selector.Exclude, [.. selector.Roots, .. request.Heredocs.Select(SelectHeredoc)]);
    }

    /// <summary>
    /// This selection with the archives that ADD unpacks replaced by their content; itself when there are none.
    /// Called after the digest missed, before the destination is resolved.
    /// </summary>
    public async Task<CopySelection> UnpackAsync(IRemoteSource remotes, CancellationToken cancellationToken)
    {
        ImmutableArray<SelectedRoot>.Builder? unpacked = null;
        for (int i = 0; i < Roots.Length; i++)
        {
            SelectedRoot root = Roots[i];
            if (root.MayUnpack && root.Content is TreeContent content && remotes.IsArchive(content.Tree, content.Path))
            {
                IFileTree tree = await remotes.UnpackAsync(content.Tree, content.Path, cancellationToken);
                unpacked ??= Roots.ToBuilder();
                unpacked[i] = new SelectedRoot
                {
                    Kind = SelectedRootKind.Archive,
                    Name = root.Name,
                    Node = root.Node,
                    Tree = tree,
                    Entries = TreeWalk.Run(tree, "", null, _exclude),
                };
            }
        }

        return unpacked is null ? this : new CopySelection(Request, _exclude, unpacked.DrainToImmutable());
    }

    private static IgnoreMatcher ReadExclude(ImmutableArray<string> patterns)
    {
        if (patterns.IsDefaultOrEmpty)
        {
            return IgnoreMatcher.None;
        }

        try
        {
            return IgnoreMatcher.FromPatterns(patterns);
        }
        catch (FormatException exception)
        {
            throw new SolveException($"read --exclude: {exception.Message}", exception);
        }
    }

    private static SelectedRoot SelectHeredoc(CopyHeredoc heredoc) => new()
    {
        Kind = SelectedRootKind.File,
        Name = TreePath.Name(heredoc.Name),
        Node = new FileNode
        {
            Name = heredoc.Name,
            Kind = FileKind.Regular,
            Mode = HeredocMode,
            UserId = 0,
            GroupId = 0,
            Size = heredoc.Content.Length,
        },
        Content = new InlineContent(heredoc.Content),
    };
}
