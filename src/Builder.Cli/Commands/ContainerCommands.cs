// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using Builder.Cli.CommandLine;
using Builder.Executor.Running;
using Builder.Frontend;

namespace Builder.Cli.Commands;

/// <summary>The commands that act on containers one by one and echo what they were given.</summary>
internal static class ContainerCommands
{
    /// <summary>Makes <c>stop</c>.</summary>
    public static Command CreateStop(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Option<int?> time = OptionFactory.Number("--time", "SECONDS", "Wait so long before killing it (-1: for ever)", "-t", "--timeout");
        Option<string?> signal = OptionFactory.Text("--signal", "SIGNAL", "The signal to send", "-s");
        Command command = new("stop", "Stop containers") { names, time, signal };
        command.SetAction(parsed => ForEach(cli, parsed, global, names, (composition, container) =>
            composition.Control.Stop(container, parsed.GetValue(time), parsed.GetValue(signal))));
        return command;
    }

    /// <summary>Makes <c>kill</c>.</summary>
    public static Command CreateKill(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Option<string?> signal = OptionFactory.Text("--signal", "SIGNAL", "The signal to send (default KILL)", "-s");
        Command command = new("kill", "Send containers a signal") { names, signal };
        command.SetAction(parsed =>
        {
            int number = SignalName.Parse(parsed.GetValue(signal) ?? "KILL");
            return ForEach(cli, parsed, global, names, (composition, container) =>
                composition.Control.Kill(container, number));
        });
        return command;
    }

    /// <summary>Makes <c>rm</c>.</summary>
    public static Command CreateRemove(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Option<bool> force = OptionFactory.Flag("--force", "Kill it first when it runs", "-f");
        Option<bool> withVolumes = OptionFactory.Flag("--volumes", "Remove its anonymous volumes too", "-v");
        Command command = new("rm", "Remove containers") { names, force, withVolumes };
        command.SetAction(parsed =>
        {
            bool forced = parsed.GetValue(force);
            return ForEach(
                cli,
                parsed,
                global,
                names,
                (composition, container) => composition.Control.Remove(container, forced, parsed.GetValue(withVolumes)),
                missingIsFine: forced);
        });
        return command;
    }

    /// <summary>Makes <c>wait</c>.</summary>
    public static Command CreateWait(CliContext cli, GlobalOptions global)
    {
        Argument<string[]> names = OptionFactory.Operands("CONTAINER", "Names or ids");
        Command command = new("wait", "Wait for containers to end and show their statuses") { names };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            foreach (string name in parsed.GetValue(names)!)
            {
                int status = composition.Control.Wait(composition.Containers.Get(name));
                cli.Out.WriteLine(status.ToString(CultureInfo.InvariantCulture));
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>port</c>.</summary>
    public static Command CreatePort(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("CONTAINER", "A name or id");
        Argument<string?> wanted = OptionFactory.OptionalOperand("PORT[/PROTOCOL]", "Show only this one");
        Command command = new("port", "Show the published ports of a container") { name, wanted };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            ContainerRecord container = composition.Containers.Get(parsed.GetRequiredValue(name));
            string? filter = parsed.GetValue(wanted) is { } text
                ? text.Contains('/', StringComparison.Ordinal) ? text : text + "/tcp"
                : null;
            foreach (PortMapping port in composition.Containers.ReadState(container.Id).Ports)
            {
                string[] sides = port.ToString().Split("->");
                if (filter is null || filter == sides[1])
                {
                    cli.Out.WriteLine(filter is null ? $"{sides[1]} -> {sides[0]}" : sides[0]);
                }
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static int ForEach(
        CliContext cli,
        ParseResult parsed,
        GlobalOptions global,
        Argument<string[]> names,
        Action<Composition, ContainerRecord> act,
        bool missingIsFine = false)
    {
        using Composition composition = Composition.Open(cli, parsed, global);
        int status = ExitCode.Success;
        foreach (string name in parsed.GetValue(names)!)
        {
            try
            {
                act(composition, composition.Containers.Get(name));
                cli.Out.WriteLine(name);
            }
            catch (BuildException exception)
            {
                new ErrorRenderer(cli, parsed.GetValue(global.Debug)).Render(exception);
                bool isMissing = exception is RunException { Failure: RunFailure.NoSuchContainer };
                status = isMissing && missingIsFine ? status : ExitCode.Failure;
            }
        }

        return status;
    }
}
