// SPDX-License-Identifier: Apache-2.0

using Builder.Cli;
using Builder.Cli.CommandLine;
using Builder.Cli.Commands;
using Builder.Executor.Running;

CliContext cli = CliContext.FromConsole();
if (args is ["--version" or "-v"])
{
    VersionCommand.WriteShort(cli);
    cli.Out.Flush();
    return ExitCode.Success;
}

try
{
    if (args is [ContainerMonitor.Verb, var root, var id])
    {
        return await MonitorCommand.RunAsync(cli, root, id);
    }

    if (args is [InitProcess.Verb, _, ..])
    {
        return InitProcess.Run([.. args[1..]]);
    }

    return await new CommandRunner(cli, CommandTable.Verbs).RunAsync(args);
}
catch (Exception exception)
{
    return ErrorRenderer.RenderUnexpected(cli, exception, args.Contains("--debug"));
}
