// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Solver.Copying;
using Builder.Solver.Graph;
using Builder.Solver.Ports;

namespace Builder.Solver.Lowering;

/// <summary>Turns COPY and ADD into vertices.</summary>
internal sealed class TransferLowering
{
    private readonly LoweringContext _context;
    private readonly StageLowering _stages;

    /// <summary>Creates the lowering.</summary>
    public TransferLowering(LoweringContext context, StageLowering stages)
    {
        _context = context;
        _stages = stages;
    }

    /// <summary>Lowers one COPY or ADD.</summary>
    /// <exception cref="SolveException">A source or flag does not fit the instruction.</exception>
    public void Lower(ResolvedStage resolved, LoweredStage stage, TransferInstruction transfer)
    {
        CopyRequest request = Request(stage, transfer);
        VertexOrigin origin = StepNames.Next(_context, stage, transfer, DisplayText(stage, transfer)) with
        {
            Words = transfer.IsFromOnBuild ? [] : Words(transfer, request), // a trigger's words are not in this Dockerfile
        };
        var vertex = new CopyVertex
        {
            Origin = origin,
            Parent = stage.FileSystem,
            Request = request,
            Sources = transfer switch
            {
                CopyInstruction copy => CopySources(resolved, stage, copy, request),
                AddInstruction add => AddSources(stage, add, request),
                _ => throw new InvalidOperationException("a transfer of an unknown kind"),
            },
        };
        stage.FileSystem = _context.Add(vertex);
        stage.History.Add(new HistoryDraft(CreatedBy(transfer, request), vertex));
    }

    /// <summary>True for what only ADD can fetch over http.</summary>
    private static bool IsWebAddress(string source) =>
        source.StartsWith("http://", StringComparison.Ordinal) || source.StartsWith("https://", StringComparison.Ordinal);

    private static ImmutableArray<(string Word, SourceSpan Span)> Words(TransferInstruction transfer, CopyRequest request)
    {
        ImmutableArray<(string Word, SourceSpan Span)>.Builder words =
            ImmutableArray.CreateBuilder<(string Word, SourceSpan Span)>();
        words.AddRange(request.Sources.Zip(transfer.Sources, (text, word) => (text, word.Span)));
        words.Add((request.Destination, transfer.Destination.Span));
        foreach ((string? text, Word? word) in ((string?, Word?)[])[(request.Owner, transfer.Chown), (request.Mode, transfer.Chmod)])
        {
            if (text is not null && word is not null)
            {
                words.Add((text, word.Span));
            }
        }

        return words.ToImmutable();
    }

    private static string CreatedBy(TransferInstruction transfer, CopyRequest request)
    {
        var text = new StringBuilder(request.IsAdd ? "ADD" : "COPY");
        if (request.Parents)
        {
            text.Append(" --parents");
        }

        if (request.Owner is not null)
        {
            text.Append(" --chown=").Append(request.Owner);
        }

        if (request.Mode is not null)
        {
            text.Append(" --chmod=").Append(request.Mode);
        }

        foreach (string source in request.Sources)
        {
            text.Append(' ').Append(source);
        }

        foreach (Heredoc heredoc in transfer.Heredocs)
        {
            text.Append(" <<").Append(heredoc.Name);
        }

        return text.Append(' ').Append(request.Destination).Append(" # buildkit").ToString();
    }

    private CopyRequest Request(LoweredStage stage, TransferInstruction transfer)
    {
        LocatedExpander words = _context.Words;
        string destination = words.Expand(transfer.Destination, stage.Variables);
        return new CopyRequest
        {
            Sources = words.Expand(transfer.Sources, stage.Variables),
            Destination = destination,
            WorkingDirectory = ContainerPath.Clean(stage.Config.WorkingDirectory),
            Owner = Flag(stage, transfer.Chown),
            Mode = Flag(stage, transfer.Chmod),
            Link = transfer.Link,
            Parents = transfer is CopyInstruction { Parents: true },
            Exclude = words.Expand(transfer.Exclude, stage.Variables),
            Heredocs =
            [
                .. transfer.Heredocs.Select(heredoc => new CopyHeredoc(
                    heredoc.Name, [.. Encoding.UTF8.GetBytes(words.ExpandHeredoc(heredoc, stage.Variables))])),
            ],
            IsAdd = transfer is AddInstruction,
            Unpack = (transfer as AddInstruction)?.Unpack,
            Epoch = _context.Epoch,
        };
    }

    /// <summary>A flag's value; an empty one, as an unset variable gives it, counts as not given.</summary>
    private string? Flag(LoweredStage stage, Word? flag)
    {
        string? value = flag is null ? null : _context.Words.Expand(flag, stage.Variables);
        return string.IsNullOrEmpty(value) ? null : value;
    }

    private ImmutableArray<VertexSource> CopySources(
        ResolvedStage resolved, LoweredStage stage, CopyInstruction copy, CopyRequest request)
    {
        for (int i = 0; i < request.Sources.Length; i++)
        {
            string source = request.Sources[i];
            if (IsWebAddress(source) || (source.Contains("://", StringComparison.Ordinal) && IsGit(source)))
            {
                throw _context.Words.Error(
                    copy.Sources[i].Span,
                    $"copy \"{source}\": source can't be a {(IsGit(source) ? "git ref" : "URL")} for COPY",
                    hint: "use ADD");
            }
        }

        FileSource? from = copy.From is null ? null
            : resolved.Sources[
                StageResolver.HasVariable(copy.From.Text) ? _context.Words.Expand(copy.From, stage.Variables) : copy.From.Text];
        return
        [
            .. request.Sources.Select<string, VertexSource>(source => from switch
            {
                null => new ContextFiles(null, source),
                NamedContextSource named => new ContextFiles(named.Name, source),
                _ => new FileSystemSource(_stages.FileSystemOf(from), source),
            }),
        ];
    }

    private ImmutableArray<VertexSource> AddSources(LoweredStage stage, AddInstruction add, CopyRequest request)
    {
        string? checksum = Flag(stage, add.Checksum);
        ImmutableArray<VertexSource>.Builder sources = ImmutableArray.CreateBuilder<VertexSource>();
        foreach (string source in request.Sources)
        {
            sources.Add(AddSource(add, source, checksum));
        }

        if (checksum is not null && (sources.Count != 1 || !request.Heredocs.IsEmpty || sources[0] is not RemoteSource))
        {
            throw _context.Words.Error(
                add.Checksum!.Span,
                sources.Count > 1
                    ? "add --checksum: checksum can't be specified for multiple sources"
                    : "add --checksum: checksum requires HTTP(S) or Git sources");
        }

        return sources.ToImmutable();
    }

    private VertexSource AddSource(AddInstruction add, string source, string? checksum)
    {
        if (IsGit(source))
        {
            return new RemoteSource(new GitRepository(source, checksum, add.KeepGitDir ?? false));
        }

        if (!IsWebAddress(source))
        {
            return new ContextFiles(null, source);
        }

        return Uri.TryCreate(source, UriKind.Absolute, out Uri? url)
            ? new RemoteSource(new HttpFile(url, checksum))
            : throw _context.Words.Error(add.Span, $"add \"{source}\": not a URL");
    }

    private bool IsGit(string source) => _context.Remotes.IsGitUrl(source);

    private string DisplayText(LoweredStage stage, TransferInstruction transfer)
    {
        string arguments = StepNames.ArgumentsOf(transfer);
        if (arguments.Contains('$', StringComparison.Ordinal))
        {
            try
            {
                arguments = _context.Words.Expand(arguments, transfer.Span, stage.Variables);
            }
            catch (SolveException)
            {
                // Only a name: what is really wrong shows when the words themselves are expanded.
            }
        }

        return StepNames.TextOf(transfer, arguments);
    }
}
