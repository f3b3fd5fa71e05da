// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;

namespace Builder.Cli.Commands;

/// <summary><c>bld inspect</c>: containers, then images, then volumes of a name.</summary>
internal static class InspectCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("NAME|ID", "Containers, images or volumes");
        Option<string?> format = OptionFactory.Text("--format", "TEMPLATE", "'json' or a Go template", "-f");
        Option<string?> type = OptionFactory.Text("--type", "KIND", "container, image or volume");
        Command command = new("inspect", "Show everything known of containers, images or volumes") { names, format, type };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            Func<string, InspectedObject?> find = parsed.GetValue(type) switch
            {
                null => name => ContainerDocument.Find(composition, name)
                    ?? ImageInspectCommand.Find(composition, name) ?? VolumeCommands.Find(composition, name),
                "container" => name => ContainerDocument.Find(composition, name),
                "image" => name => ImageInspectCommand.Find(composition, name),
                "volume" => name => VolumeCommands.Find(composition, name),
                string other => throw new UsageException($"invalid argument \"{other}\" for --type")
                {
                    Hint = "one of container, image, volume",
                },
            };
            return Inspection.Show(
                cli, parsed.GetValue(names)!, parsed.GetValue(format), parsed.GetValue(type) ?? "object", find);
        });
        return command;
    }
}
