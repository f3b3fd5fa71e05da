// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;

namespace Builder.Cli.Commands;

/// <summary><c>bld image inspect</c>.</summary>
internal static class ImageInspectCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("IMAGE", "Names or ids");
        Option<string?> format = OptionFactory.Text("--format", "TEMPLATE", "'json' or a Go template", "-f");
        Command command = new("inspect", "Show everything known of images") { names, format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            return Inspection.Show(
                cli, parsed.GetValue(names)!, parsed.GetValue(format), "image", name => Find(composition, name));
        });
        return command;
    }

    /// <summary>The document of an image, or null.</summary>
    public static InspectedObject? Find(Composition composition, string name)
    {
        if (composition.Images.Find(name) is not { } image)
        {
            return null;
        }

        JsonObject document = ImageDocument.Create(image, composition.Images.SizeOf(image));
        return new InspectedObject(document, ImageDocument.WithoutEmpty(document));
    }
}
