// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Runtime.InteropServices;
using Builder.Cli.CommandLine;
using Builder.Cli.Running;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary><c>bld exec</c>.</summary>
internal static class ExecCommand
{
    private const int SigWinch = 28;

    private static readonly int[] s_forwarded = [1 /* HUP */, 2 /* INT */, 3 /* QUIT */, 15 /* TERM */];

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Argument<string> name = OptionFactory.Operand("CONTAINER", "A name or id");
        Argument<string[]> words = OptionFactory.Operands("COMMAND", "The command and its arguments");
        Option<bool> interactive = OptionFactory.Flag("--interactive", "Keep standard input open", "-i");
        Option<bool> tty = OptionFactory.Flag("--tty", "Give it a terminal", "-t");
        Option<bool> detach = OptionFactory.Flag("--detach", "Do not wait for it", "-d");
        Option<string[]> env = OptionFactory.List("--env", "NAME[=VALUE]", "Set a variable", "-e");
        Option<string[]> envFile = OptionFactory.List("--env-file", "FILE", "Read variables from a file");
        Option<string?> workdir = OptionFactory.Text("--workdir", "DIR", "Working directory inside", "-w");
        Option<string?> user = OptionFactory.Text("--user", "USER[:GROUP]", "Run as this user", "-u");
        Option<bool> privileged = OptionFactory.Flag("--privileged", "Everything that bld itself may do");
        Command command = new("exec", "Run a command in a running container")
        {
            name, words, interactive, tty, detach, env, envFile, workdir, user, privileged,
        };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            ContainerRecord container = composition.Containers.Get(parsed.GetRequiredValue(name));
            bool isDetached = parsed.GetValue(detach);
            ExecRequest request = new()
            {
                Arguments = [.. parsed.GetValue(words)!],
                Environment =
                [
                    .. (parsed.GetValue(envFile) ?? []).SelectMany(file => EnvironmentValues.ReadFile(cli, file)),
                    .. EnvironmentValues.Read(cli, parsed.GetValue(env)),
                ],
                WorkingDirectory = parsed.GetValue(workdir),
                User = parsed.GetValue(user),
                Terminal = parsed.GetValue(tty),
                Interactive = parsed.GetValue(interactive),
                Privileged = parsed.GetValue(privileged),
            };
            if (request is { Terminal: true, Interactive: true } && !isDetached && !cli.IsInputTerminal)
            {
                throw new CommandException("the input device is not a TTY", ExitCode.SandboxFailed)
                {
                    Hint = "leave -t out when standard input is not a terminal",
                };
            }

            return isDetached
                ? RunDetached(composition, container, request)
                : RunAttached(composition, container, request);
        });
        return command;
    }

    private static int RunAttached(Composition composition, ContainerRecord container, ExecRequest request)
    {
        ContainerExec exec = new(composition.Containers);
        List<PosixSignalRegistration> registrations = [];
        foreach (int signal in s_forwarded)
        {
            registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                exec.Signal(signal);
            }));
        }

        registrations.Add(PosixSignalRegistration.Create((PosixSignal)SigWinch, _ => exec.ResizeLike(0)));
        RawTerminal? terminal = null;
        try
        {
            return exec.Run(
                container,
                request,
                ContainerIo.Standard(request.Interactive),
                () => terminal = request is { Terminal: true, Interactive: true } ? new RawTerminal(0) : null);
        }
        finally
        {
            terminal?.Dispose();
            registrations.ForEach(registration => registration.Dispose());
        }
    }

    private static int RunDetached(Composition composition, ContainerRecord container, ExecRequest request)
    {
        new ContainerExec(composition.Containers).Start(container, request);
        return ExitCode.Success;
    }
}
