// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Builder.Cli.Templates;

/// <summary>A part of a template that writes something.</summary>
internal abstract record TemplateNode;

/// <summary>Text to copy.</summary>
internal sealed record TextNode(string Text) : TemplateNode;

/// <summary>A pipeline whose value is printed, unless it declares a variable.</summary>
internal sealed record PrintNode(TemplatePipeline Pipeline) : TemplateNode;

/// <summary><c>if</c>, <c>with</c> and <c>range</c>.</summary>
internal sealed record BlockNode(
    string Keyword,
    TemplatePipeline Pipeline,
    ImmutableArray<TemplateNode> Body,
    ImmutableArray<TemplateNode> Else) : TemplateNode;

/// <summary>Commands whose results are handed on, and the variables that take the last one's.</summary>
internal sealed record TemplatePipeline(
    ImmutableArray<string> Variables, bool Declares, ImmutableArray<ImmutableArray<TemplateOperand>> Commands);

/// <summary>A value, or what stands at the head of a command.</summary>
/// <param name="Source">Where the value comes from.</param>
/// <param name="Fields">Fields to descend into.</param>
internal sealed record TemplateOperand(OperandSource Source, ImmutableArray<string> Fields);

/// <summary>Where an operand's value comes from.</summary>
internal abstract record OperandSource;

/// <summary>The dot.</summary>
internal sealed record DotSource : OperandSource;

/// <summary>A variable, <c>$</c> included.</summary>
internal sealed record VariableSource(string Name) : OperandSource;

/// <summary>A literal.</summary>
internal sealed record LiteralSource(JsonNode? Value) : OperandSource;

/// <summary>A function's name.</summary>
internal sealed record FunctionSource(string Name) : OperandSource;

/// <summary>A pipeline in parentheses.</summary>
internal sealed record PipelineSource(TemplatePipeline Pipeline) : OperandSource;
