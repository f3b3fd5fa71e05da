// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Running;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld start</c> and <c>bld restart</c>.</summary>
internal static class StartCommand
{
    /// <summary>Makes <c>start</c>.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Option<bool> attach = OptionFactory.Flag("--attach", "Show its output, wait for its end", "-a");
        Option<bool> interactive = OptionFactory.Flag("--interactive", "Give it standard input", "-i");
        Command command = new("start", "Start containers that do not run") { names, attach, interactive };
        command.SetAction(async (parsed, _) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            string[] all = parsed.GetValue(names)!;
            bool attached = parsed.GetValue(attach) || parsed.GetValue(interactive);
            if (attached && all.Length > 1)
            {
                throw new UsageException("only one container can be started with --attach");
            }

            int status = ExitCode.Success;
            foreach (string name in all)
            {
                ContainerRecord container = composition.Containers.Get(name);
                if (composition.Containers.ReadState(container.Id).Status != ContainerStatus.Running)
                {
                    status = attached
                        ? await ForegroundRun.RunAsync(composition, container, true, parsed.GetValue(interactive))
                        : RunCommand.StartDetached(composition, container, name);
                }
                else
                {
                    cli.Out.WriteLine(name);
                }
            }

            return status;
        });
        return command;
    }

    /// <summary>Makes <c>restart</c>.</summary>
    public static Command CreateRestart(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Option<int?> time = OptionFactory.Number("--time", "SECONDS", "Wait so long before killing it", "-t", "--timeout");
        Command command = new("restart", "Stop containers and start them again") { names, time };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            foreach (string name in parsed.GetValue(names)!)
            {
                ContainerRecord container = composition.Containers.Get(name);
                composition.Control.Stop(container, parsed.GetValue(time), signal: null);
                RunCommand.StartDetached(composition, container, name);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
