// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Solver.Graph;
using Builder.Solver.Images;

namespace Builder.Solver.Lowering;

/// <summary>
/// Turns resolved stages into vertices and the config they lead to. It touches no port: everything outside was resolved
/// before, so that it takes microseconds.
/// </summary>
internal sealed class StageLowering
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly LoweringContext _context;
    private readonly MetadataLowering _metadata;
    private readonly RunLowering _runs;
    private readonly TransferLowering _transfers;
    private readonly Dictionary<ResolvedStage, LoweredStage> _stages = [];

    /// <summary>Creates the lowering of one platform.</summary>
    public StageLowering(LoweringContext context)
    {
        _context = context;
        _metadata = new MetadataLowering(context.Words, context.Arguments, context.Globals);
        _runs = new RunLowering(context, this);
        _transfers = new TransferLowering(context, this);
    }

    /// <summary>Lowers a stage and those it needs, once each.</summary>
    public LoweredStage Lower(ResolvedStage stage)
    {
        if (!_stages.TryGetValue(stage, out LoweredStage? lowered))
        {
            lowered = LowerStage(stage);
            _stages.Add(stage, lowered);
        }

        return lowered;
    }

    /// <summary>The file system that a source of COPY or of a mount means; contexts of files are not meant here.</summary>
    public FileSystemInput FileSystemOf(FileSource source) => source switch
    {
        ScratchSource => FileSystemInput.Scratch,
        StageSource stage => Lower(stage.Stage).FileSystem,
        ImageFileSource image => FileSystemInput.Known(image.Image.Config.RootFs),
        _ => throw new InvalidOperationException($"{source.GetType().Name} is not a file system"),
    };

    private LoweredStage LowerStage(ResolvedStage resolved)
    {
        SourceSpan? outer = _context.Words.TriggerPlace; // another stage may be on its way
        LoweredStage stage = Begin(resolved);
        foreach (Instruction instruction in resolved.Instructions)
        {
            _context.Words.TriggerPlace = instruction.IsFromOnBuild ? instruction.Span : null;
            LowerInstruction(resolved, stage, instruction);
        }

        _context.Words.TriggerPlace = outer;
        return stage;
    }

    private LoweredStage Begin(ResolvedStage resolved)
    {
        BuildRequest request = _context.Request;
        bool bringsFiles = resolved.Base is ImageFileSource or NamedContextSource;
        var head = new StageHead(
            request.Dockerfile.Stages.Length == 1 ? "" : resolved.DisplayName,
            resolved.Instructions.Count(StepNames.IsStep) + (bringsFiles ? 1 : 0),
            request.NoCache || request.NoCacheFilter.Contains(resolved.DisplayName, StringComparer.OrdinalIgnoreCase));
        return resolved.Base switch
        {
            StageSource parent => new LoweredStage(head, Lower(parent.Stage)),
            ImageFileSource image => BeginImage(head, resolved, image),
            NamedContextSource context => BeginFiles(head, resolved, context),
            _ => new LoweredStage(head, resolved.Platform, EmptyImage(resolved), FileSystemInput.Scratch),
        };
    }

    private LoweredStage BeginImage(StageHead head, ResolvedStage resolved, ImageFileSource image)
    {
        // The base's triggers have been expanded; its time says nothing about what is built on it.
        ImageConfig config = image.Image.Config with { OnBuild = [], Created = null };
        if (config.FindEnv("PATH") is null && config.Platform.Os != "windows")
        {
            config = config with { Env = config.Env.Add(DefaultPath) };
        }

        var stage = new LoweredStage(head, resolved.Platform, config, FileSystemInput.Known(config.RootFs))
        {
            StepCount = 1,
        };
        string name = $"{StepNames.Prefix(_context, stage)}FROM {image.Name}@{image.Image.ManifestDigest}";
        _context.Bases.Add((name, resolved.Stage.From.Span));
        return stage;
    }

    private LoweredStage BeginFiles(StageHead head, ResolvedStage resolved, NamedContextSource context)
    {
        var stage = new LoweredStage(head, resolved.Platform, EmptyImage(resolved), FileSystemInput.Scratch);
        VertexOrigin origin = StepNames.Next(_context, stage, resolved.Stage.From, $"FROM {context.Name}");
        stage.FileSystem = _context.ContextFiles(context.Name, "", origin);
        stage.History.Add(new HistoryDraft($"COPY {context.Name} /", stage.FileSystem.Vertex));
        return stage;
    }

    private static ImageConfig EmptyImage(ResolvedStage resolved) =>
        new() { Platform = resolved.Platform, WorkingDir = "/", Env = [DefaultPath] };

    private void LowerInstruction(ResolvedStage resolved, LoweredStage stage, Instruction instruction)
    {
        switch (instruction)
        {
            case RunInstruction run:
                _runs.Lower(resolved, stage, run);
                break;
            case TransferInstruction transfer:
                _transfers.Lower(resolved, stage, transfer);
                break;
            case WorkdirInstruction workdir:
                LowerWorkdir(stage, workdir);
                break;
            default:
                if (!_metadata.TryLower(stage, instruction))
                {
                    throw _context.Words.Error(
                        instruction.Span, $"{instruction.Keyword}: this instruction cannot be built");
                }

                break;
        }
    }

    private void LowerWorkdir(LoweredStage stage, WorkdirInstruction instruction)
    {
        string directory = ContainerPath.Resolve(
            stage.Config.WorkingDirectory, _context.Words.Expand(instruction.Path, stage.Variables));
        stage.Config.SetWorkingDirectory(directory);
        VertexOrigin origin = StepNames.Next(
            _context, stage, instruction, StepNames.TextOf(instruction, directory));
        if (directory == "/")
        {
            stage.Record("WORKDIR /");
            return;
        }

        var vertex = new WorkdirVertex
        {
            Origin = origin,
            Parent = stage.FileSystem,
            Directory = ContainerPath.Clean(directory),
            User = stage.Config.User,
            Epoch = _context.Epoch,
        };
        stage.FileSystem = _context.Add(vertex);
        stage.History.Add(new HistoryDraft($"WORKDIR {directory}", vertex));
    }
}
