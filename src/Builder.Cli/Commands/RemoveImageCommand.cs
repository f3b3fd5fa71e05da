// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Executor.Images;

namespace Builder.Cli.Commands;

/// <summary><c>bld rmi</c>, <c>bld image rm</c>.</summary>
internal static class RemoveImageCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("IMAGE", "Names or ids");
        Option<bool> force = OptionFactory.Flag("--force", "Also when it has several names or a container uses it", "-f");
        Option<bool> noPrune = OptionFactory.Flag("--no-prune", "Keep untagged parents (there are none to remove)");
        Command command = new("rmi", "Remove images") { names, force, noPrune };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            int status = ExitCode.Success;
            foreach (string name in parsed.GetValue(names)!)
            {
                if (composition.Images.Find(name) is null)
                {
                    cli.Error.WriteLine($"error: no such image: {name}");
                    status = parsed.GetValue(force) ? status : ExitCode.Failure;
                    continue;
                }

                foreach (RemovedItem item in composition.Images.Remove(name, parsed.GetValue(force), composition.FindUser))
                {
                    cli.Out.WriteLine($"{(item.Deleted ? "Deleted" : "Untagged")}: {item.Subject}");
                }
            }

            return status;
        });
        return command;
    }
}
