// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Commands;

/// <summary><c>bld tag</c>.</summary>
internal static class TagCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> source = OptionFactory.Operand("SOURCE", "A name or id");
        Argument<string> target = OptionFactory.Operand("TARGET", "The new name");
        Command command = new("tag", "Give an image one more name") { source, target };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            string name = parsed.GetRequiredValue(source);
            composition.GetImage(name);
            composition.Images.Tag(name, Composition.ParseTag(parsed.GetRequiredValue(target)));
            return ExitCode.Success;
        });
        return command;
    }
}
