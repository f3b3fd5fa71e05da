// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Cli.Templates;

/// <summary>
/// A Go template over JSON data: fields, pipelines, variables, <c>if</c>, <c>with</c>, <c>range</c> and docker's
/// functions. Values print as Go's <c>%v</c> does: <c>[a b]</c>, <c>map[k:v]</c>.
/// </summary>
internal sealed class GoTemplate
{
    private readonly ImmutableArray<TemplateNode> _nodes;

    private GoTemplate(ImmutableArray<TemplateNode> nodes)
    {
        _nodes = nodes;
    }

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateException">It is malformed.</exception>
    public static GoTemplate Parse(string template) => new(TemplateParser.Parse(template));

    /// <summary>Executes the template.</summary>
    /// <exception cref="TemplateException">A field or function does not exist, or a value does not fit.</exception>
    public string Execute(JsonNode? data)
    {
        Evaluation evaluation = new(data);
        evaluation.Run(_nodes, data);
        return evaluation.Output.ToString();
    }

    private sealed class Evaluation
    {
        private readonly Stack<(string Name, JsonNode? Value)> _variables = new();

        public Evaluation(JsonNode? data)
        {
            _variables.Push(("$", data));
        }

        public StringBuilder Output { get; } = new();

        public void Run(ImmutableArray<TemplateNode> nodes, JsonNode? dot)
        {
            int depth = _variables.Count;
            foreach (TemplateNode node in nodes)
            {
                Run(node, dot);
            }

            Unwind(depth);
        }

        private void Run(TemplateNode node, JsonNode? dot)
        {
            switch (node)
            {
                case TextNode text:
                    Output.Append(text.Text);
                    break;
                case PrintNode print:
                    JsonNode? value = Evaluate(print.Pipeline, dot);
                    if (print.Pipeline.Variables.IsEmpty)
                    {
                        Output.Append(GoValue.Print(value));
                    }

                    break;
                case BlockNode block:
                    int depth = _variables.Count;
                    RunBlock(block, dot);
                    Unwind(depth);
                    break;
            }
        }

        private void RunBlock(BlockNode block, JsonNode? dot)
        {
            if (block.Keyword == "range")
            {
                RunRange(block, dot);
                return;
            }

            JsonNode? value = Evaluate(block.Pipeline, dot);
            bool holds = GoValue.IsTrue(value);
            Run(holds ? block.Body : block.Else, holds && block.Keyword == "with" ? value : dot);
        }

        private void RunRange(BlockNode block, JsonNode? dot)
        {
            TemplatePipeline pipeline = block.Pipeline;
            JsonNode? value = Evaluate(pipeline with { Variables = [] }, dot);
            List<(JsonNode? Key, JsonNode? Value)> items = GoValue.Items(value);
            foreach ((JsonNode? key, JsonNode? item) in items)
            {
                int depth = _variables.Count;
                if (pipeline.Variables is [var name])
                {
                    _variables.Push((name, item));
                }
                else if (pipeline.Variables is [var keyName, var valueName])
                {
                    _variables.Push((keyName, key));
                    _variables.Push((valueName, item));
                }

                Run(block.Body, item);
                Unwind(depth);
            }

            if (items.Count == 0)
            {
                Run(block.Else, dot);
            }
        }

        private void Unwind(int depth)
        {
            while (_variables.Count > depth)
            {
                _variables.Pop();
            }
        }

        private JsonNode? Evaluate(TemplatePipeline pipeline, JsonNode? dot)
        {
            JsonNode? value = null;
            for (int i = 0; i < pipeline.Commands.Length; i++)
            {
                value = Evaluate(pipeline.Commands[i], dot, i > 0, value);
            }

            if (pipeline.Variables is [var name, ..])
            {
                Assign(name, value, pipeline.Declares);
            }

            return value;
        }

        private void Assign(string name, JsonNode? value, bool declares)
        {
            if (declares)
            {
                _variables.Push((name, value));
                return;
            }

            List<(string Name, JsonNode? Value)> changed = [.. _variables];
            int index = changed.FindIndex(variable => variable.Name == name);
            if (index < 0)
            {
                throw new TemplateException($"undefined variable \"{name}\"");
            }

            changed[index] = (name, value);
            _variables.Clear();
            foreach ((string Name, JsonNode? Value) variable in Enumerable.Reverse(changed))
            {
                _variables.Push(variable);
            }
        }

        private JsonNode? Evaluate(
            ImmutableArray<TemplateOperand> command, JsonNode? dot, bool isPiped, JsonNode? piped)
        {
            TemplateOperand head = command[0];
            if (head.Source is not FunctionSource function)
            {
                JsonNode? value = Evaluate(head, dot);
                return command.Length == 1 && !isPiped
                    ? value
                    : throw new TemplateException("can't give argument to non-function");
            }

            List<JsonNode?> arguments = [.. command.Skip(1).Select(operand => Evaluate(operand, dot))];
            if (isPiped)
            {
                arguments.Add(piped);
            }

            return Descend(TemplateFunctions.Call(function.Name, arguments), head.Fields);
        }

        private JsonNode? Evaluate(TemplateOperand operand, JsonNode? dot)
        {
            JsonNode? value = operand.Source switch
            {
                DotSource => dot,
                VariableSource variable => Find(variable.Name),
                LiteralSource literal => literal.Value,
                PipelineSource pipeline => Evaluate(pipeline.Pipeline, dot),
                FunctionSource function => TemplateFunctions.Call(function.Name, []),
                _ => null,
            };
            return Descend(value, operand.Fields);
        }

        private JsonNode? Find(string name)
        {
            foreach ((string variable, JsonNode? value) in _variables)
            {
                if (variable == name)
                {
                    return value;
                }
            }

            throw new TemplateException($"undefined variable \"{name}\"");
        }

        private static JsonNode? Descend(JsonNode? value, ImmutableArray<string> fields)
        {
            foreach (string field in fields)
            {
                if (value is not JsonObject record)
                {
                    string kind = value is null ? "nil" : value.GetValueKind() == JsonValueKind.Array ? "list" : "value";
                    throw new TemplateException($"can't evaluate field {field} in {kind}");
                }

                if (!record.TryGetPropertyValue(field, out value))
                {
                    throw new TemplateException($"no such field: {field}");
                }
            }

            return value;
        }
    }
}
