// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Builder.Cli.Templates;

/// <summary>Parses the pieces of a Go template into nodes.</summary>
internal sealed class TemplateParser
{
    private readonly List<TemplateLexer.Piece> _pieces;
    private int _piece;

    private TemplateParser(List<TemplateLexer.Piece> pieces)
    {
        _pieces = pieces;
    }

    /// <summary>Parses a whole template.</summary>
    /// <exception cref="TemplateException">It is malformed.</exception>
    public static ImmutableArray<TemplateNode> Parse(string template)
    {
        TemplateParser parser = new(TemplateLexer.Split(template));
        ImmutableArray<TemplateNode> nodes = parser.ParseList(out string? end, out _);
        return end is null ? nodes : throw new TemplateException($"unexpected {{{{{end}}}}}");
    }

    /// <summary>Reads nodes up to an <c>end</c> or <c>else</c>; <paramref name="rest"/> is what follows <c>else</c>.</summary>
    private ImmutableArray<TemplateNode> ParseList(out string? end, out ActionReader? rest)
    {
        ImmutableArray<TemplateNode>.Builder nodes = ImmutableArray.CreateBuilder<TemplateNode>();
        end = null;
        rest = null;
        while (_piece < _pieces.Count)
        {
            TemplateLexer.Piece piece = _pieces[_piece++];
            if (piece.Text is not null)
            {
                nodes.Add(new TextNode(piece.Text));
                continue;
            }

            ActionReader action = new(piece.Action!);
            string? keyword = action.TakeKeyword();
            if (keyword is "end" or "else")
            {
                end = keyword;
                rest = action;
                break;
            }

            nodes.Add(keyword is null ? new PrintNode(action.ReadWholePipeline()) : ParseBlock(keyword, action));
        }

        return nodes.ToImmutable();
    }

    private BlockNode ParseBlock(string keyword, ActionReader action)
    {
        TemplatePipeline pipeline = action.ReadWholePipeline();
        ImmutableArray<TemplateNode> body = ParseList(out string? end, out ActionReader? rest);
        if (end == "end")
        {
            return new BlockNode(keyword, pipeline, body, []);
        }

        if (end is null)
        {
            throw new TemplateException($"{keyword} without end");
        }

        // {{else if x}} needs no end of its own.
        if (rest!.TakeKeyword() is { } chained and ("if" or "with"))
        {
            return new BlockNode(keyword, pipeline, body, [ParseBlock(chained, rest)]);
        }

        ImmutableArray<TemplateNode> otherwise = ParseList(out end, out _);
        return end == "end"
            ? new BlockNode(keyword, pipeline, body, otherwise)
            : throw new TemplateException($"{keyword} without end");
    }

    /// <summary>Reads the tokens of one action.</summary>
    private sealed class ActionReader(List<TemplateToken> tokens)
    {
        private int _position;

        private TemplateToken? Peek => _position < tokens.Count ? tokens[_position] : null;

        public string? TakeKeyword()
        {
            SkipSpace();
            string? word = Peek is { Kind: TemplateTokenKind.Word } token ? token.Text : null;
            if (word is "define" or "template" or "block" or "break" or "continue")
            {
                throw new TemplateException($"{word} is not supported");
            }

            if (word is not ("if" or "else" or "end" or "range" or "with"))
            {
                return null;
            }

            _position++;
            return word;
        }

        public TemplatePipeline ReadWholePipeline()
        {
            TemplatePipeline pipeline = ReadPipeline();
            return Peek is null ? pipeline : throw new TemplateException($"unexpected \"{Peek.Value.Text}\" in action");
        }

        private TemplatePipeline ReadPipeline()
        {
            ImmutableArray<string> variables = ReadVariables(out bool declares);
            ImmutableArray<ImmutableArray<TemplateOperand>>.Builder commands =
                ImmutableArray.CreateBuilder<ImmutableArray<TemplateOperand>>();
            do
            {
                commands.Add(ReadCommand());
            }
            while (TakeSymbol("|"));

            return new TemplatePipeline(variables, declares, commands.ToImmutable());
        }

        private ImmutableArray<string> ReadVariables(out bool declares)
        {
            int start = _position;
            List<string> names = [];
            do
            {
                SkipSpace();
                if (Peek is not { Kind: TemplateTokenKind.Variable } variable)
                {
                    break;
                }

                names.Add(variable.Text);
                _position++;
            }
            while (TakeSymbol(","));

            declares = TakeSymbol(":=");
            if (names.Count > 0 && (declares || TakeSymbol("=")))
            {
                return [.. names];
            }

            _position = start;
            return [];
        }

        private ImmutableArray<TemplateOperand> ReadCommand()
        {
            ImmutableArray<TemplateOperand>.Builder operands = ImmutableArray.CreateBuilder<TemplateOperand>();
            SkipSpace();
            while (Peek is { } token && token is not { Kind: TemplateTokenKind.Symbol, Text: "|" or ")" })
            {
                operands.Add(ReadOperand(token));
                SkipSpace();
            }

            return operands.Count > 0 ? operands.ToImmutable() : throw new TemplateException("missing value for command");
        }

        private TemplateOperand ReadOperand(TemplateToken token)
        {
            _position++;
            OperandSource source = token.Kind switch
            {
                TemplateTokenKind.Dot => new DotSource(),
                TemplateTokenKind.Field => new DotSource(),
                TemplateTokenKind.Variable => new VariableSource(token.Text),
                TemplateTokenKind.String => new LiteralSource(JsonValue.Create(token.Text)),
                TemplateTokenKind.Number => new LiteralSource(ReadNumber(token.Text)),
                TemplateTokenKind.Word => ReadWord(token.Text),
                _ when token.Text == "(" => ReadParentheses(),
                _ => throw new TemplateException($"unexpected \"{token.Text}\" in command"),
            };
            List<string> fields = token.Kind == TemplateTokenKind.Field ? [token.Text] : [];
            while (Peek is { Kind: TemplateTokenKind.Field } field)
            {
                fields.Add(field.Text);
                _position++;
            }

            return new TemplateOperand(source, [.. fields]);
        }

        private PipelineSource ReadParentheses()
        {
            TemplatePipeline pipeline = ReadPipeline();
            return TakeSymbol(")") ? new PipelineSource(pipeline) : throw new TemplateException("unclosed left paren");
        }

        private static OperandSource ReadWord(string word) => word switch
        {
            "true" => new LiteralSource(JsonValue.Create(true)),
            "false" => new LiteralSource(JsonValue.Create(false)),
            "nil" => new LiteralSource(null),
            _ => new FunctionSource(word),
        };

        private static JsonValue ReadNumber(string text)
        {
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer))
            {
                return JsonValue.Create(integer);
            }

            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                ? JsonValue.Create(number)
                : throw new TemplateException($"bad number syntax: \"{text}\"");
        }

        private bool TakeSymbol(string symbol)
        {
            SkipSpace();
            if (Peek is { Kind: TemplateTokenKind.Symbol } token && token.Text == symbol)
            {
                _position++;
                return true;
            }

            return false;
        }

        private void SkipSpace()
        {
            while (Peek is { Kind: TemplateTokenKind.Space })
            {
                _position++;
            }
        }
    }
}
