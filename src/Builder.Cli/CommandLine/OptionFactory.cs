// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;

namespace Builder.Cli.CommandLine;

/// <summary>Short forms for declaring options in the way docker's help shows them.</summary>
internal static class OptionFactory
{
    /// <summary>A switch.</summary>
    public static Option<bool> Flag(string name, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, Arity = ArgumentArity.ZeroOrOne };

    /// <summary>An option with one value; the last one given wins.</summary>
    public static Option<string?> Text(string name, string valueName, string description, params string[] aliases) =>
        new(name, aliases)
        {
            Description = description,
            HelpName = valueName,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => result.Tokens.Count == 0 ? null : result.Tokens[^1].Value,
        };

    /// <summary>An option whose value may be left out (<c>--name</c> or <c>--name=value</c>).</summary>
    public static Option<string?> OptionalText(
        string name, string valueName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.ZeroOrOne };

    /// <summary>An option that may be repeated.</summary>
    public static Option<string[]> List(string name, string valueName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.OneOrMore };

    /// <summary>An option with a whole number.</summary>
    public static Option<int?> Number(string name, string valueName, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.ExactlyOne };

    /// <summary>An operand that must be there.</summary>
    public static Argument<string> Operand(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.ExactlyOne };

    /// <summary>An operand that may be left out.</summary>
    public static Argument<string?> OptionalOperand(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.ZeroOrOne };

    /// <summary>One operand or more.</summary>
    public static Argument<string[]> Operands(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.OneOrMore };

    /// <summary>Any number of operands.</summary>
    public static Argument<string[]> OptionalOperands(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.ZeroOrMore };
}
