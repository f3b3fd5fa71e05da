// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Instructions;
using Builder.Frontend.Lines;

namespace Builder.Frontend.Parsing;

/// <summary>Parses instructions one by one and puts them into stages.</summary>
internal sealed class StageCollector
{
    private readonly ParserContext _context;
    private readonly ImmutableArray<ArgInstruction>.Builder _globalArgs = ImmutableArray.CreateBuilder<ArgInstruction>();
    private readonly ImmutableArray<Stage>.Builder _stages = ImmutableArray.CreateBuilder<Stage>();
    private readonly ImmutableArray<Instruction>.Builder _instructions = ImmutableArray.CreateBuilder<Instruction>();

    private FromInstruction? _from;
    private SourceSpan? _last;

    // After a FROM with errors the instructions below it are checked, but belong to no stage.
    private bool _insideBrokenStage;
    private bool _wasUnknown;

    public StageCollector(ParserContext context)
    {
        _context = context;
    }

    /// <summary>The ARGs before the first FROM.</summary>
    public ImmutableArray<ArgInstruction> GlobalArgs => _globalArgs.ToImmutable();

    /// <summary>The stages.</summary>
    public ImmutableArray<Stage> Stages => _stages.ToImmutable();

    /// <summary>Parses an instruction and adds it; its errors are noted.</summary>
    public void Add(InstructionSyntax syntax)
    {
        _last = syntax.Span;
        bool followsUnknown = _wasUnknown;
        _wasUnknown = syntax.Form == ArgumentForm.Unknown;
        if (followsUnknown && _wasUnknown && InstructionParser.Suggest(syntax) is null)
        {
            return; // most likely the rest of the same text, such as a body whose << was misspelt
        }

        try
        {
            Add(InstructionParser.Parse(syntax, _context), syntax);
        }
        catch (SyntaxException exception)
        {
            _context.Report(exception.Diagnostic);
            if (syntax.Name == InstructionKeyword.From)
            {
                CloseStage();
                _insideBrokenStage = true;
            }
        }
    }

    /// <summary>Ends the last stage; without any stage that is an error.</summary>
    public void Complete()
    {
        CloseStage();
        if (_stages.Count == 0 && !_context.HasErrors)
        {
            _context.Report("dockerfile contains no stages to build", _last ?? SourceSpan.Lines(1, 1), "add FROM IMAGE");
        }
    }

    private void Add(Instruction instruction, InstructionSyntax syntax)
    {
        switch (instruction)
        {
            case FromInstruction from:
                CloseStage();
                _from = from;
                _insideBrokenStage = false;
                break;
            case ArgInstruction arg when _from is null && !_insideBrokenStage:
                _globalArgs.Add(arg);
                break;
            case var _ when _from is null && !_insideBrokenStage:
                // Said once: without FROM it is as true of all that follow.
                _insideBrokenStage = true;
                throw syntax.Error(
                    $"no build stage in current context: {syntax.Name} stands before the first FROM",
                    syntax.Keyword,
                    "only ARG may stand before FROM");
            default:
                _instructions.Add(instruction);
                break;
        }
    }

    private void CloseStage()
    {
        if (_from is not null)
        {
            _stages.Add(new Stage
            {
                Index = _stages.Count,
                From = _from,
                Instructions = _instructions.ToImmutable(),
            });
        }

        _from = null;
        _instructions.Clear();
    }
}
