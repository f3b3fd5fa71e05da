// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Cli.Running;
using Builder.Executor.Images;
using Builder.Executor.Running;
using Builder.Frontend;

namespace Builder.Cli.Commands;

/// <summary><c>bld run</c> and <c>bld create</c>.</summary>
internal static class RunCommand
{
    /// <summary>Makes <c>run</c>.</summary>
    public static Command Create(CliContext cli, GlobalOptions global) => Create(cli, global, isRun: true);

    /// <summary>Makes <c>create</c>.</summary>
    public static Command CreateCreate(CliContext cli, GlobalOptions global) => Create(cli, global, isRun: false);

    private static Command Create(CliContext cli, GlobalOptions global, bool isRun)
    {
        RunOptions options = new();
        RegistryFlags registry = new();
        Argument<string> image = OptionFactory.Operand("IMAGE", "A name or id; pulled when it is not there");
        Argument<string[]> arguments = OptionFactory.OptionalOperands("ARG", "The command, or arguments for the entrypoint");
        Command command = isRun
            ? new Command("run", "Run a command in a new container")
            : new Command("create", "Make a container without starting it");
        command.Add(image);
        command.Add(arguments);
        options.AddTo(command, withDetach: isRun);
        registry.AddTo(command);
        if (isRun)
        {
            command.Add(IsolationFlag.Create());
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                using Composition composition = Composition.Open(cli, parsed, global, registry);
                string name = parsed.GetRequiredValue(image);
                ImmutableArray<string> words = [.. parsed.GetValue(arguments) ?? []];
                return await RunAsync(composition, options, parsed, name, words, isRun, cancellationToken);
            }
            catch (Exception exception) when (exception is BuildException and not UsageException and not RunException)
            {
                throw new CommandException(exception.Message, ExitCode.SandboxFailed) { Hint = ((BuildException)exception).Hint };
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(
        Composition composition,
        RunOptions options,
        ParseResult parsed,
        string imageName,
        ImmutableArray<string> arguments,
        bool isRun,
        CancellationToken cancellationToken)
    {
        bool detach = isRun && parsed.GetValue(options.Detach);
        ContainerRequest request = options.Read(parsed, composition.Cli, imageName, arguments);
        CheckTerminal(composition.Cli, request.Template, detach);
        string? idFile = parsed.GetValue(options.IdFile);
        if (idFile is not null && File.Exists(idFile))
        {
            throw new UsageException($"container id file {idFile} exists already") { Hint = "remove it, or name another file" };
        }

        StoredImage image = await ImageLookup.FindOrPullAsync(
            composition,
            imageName,
            parsed.GetValue(options.Pull),
            parsed.GetValue(options.Platform),
            parsed.GetValue(options.Quiet),
            cancellationToken);
        request = request with { Template = request.Template with { Detached = detach } };
        ContainerRecord container = composition.ContainerFactory.Create(image, request, parsed.GetValue(options.Name));
        if (idFile is not null)
        {
            File.WriteAllText(idFile, container.Id);
        }

        if (!isRun)
        {
            composition.Cli.Out.WriteLine(container.Id);
            return ExitCode.Success;
        }

        return detach
            ? StartDetached(composition, container)
            : await ForegroundRun.RunAsync(
                composition, container, parsed.GetValue(options.ForwardSignals), attachInput: true);
    }

    /// <summary>Starts a container under a monitor and shows its id.</summary>
    public static int StartDetached(Composition composition, ContainerRecord container, string? shown = null)
    {
        string? warning = ContainerMonitor.Launch(composition.Root, container);
        if (warning is not null)
        {
            composition.Cli.Error.WriteLine($"warning: {warning}");
        }

        composition.Cli.Out.WriteLine(shown ?? container.Id);
        return ExitCode.Success;
    }

    private static void CheckTerminal(CliContext cli, ContainerRecord template, bool detach)
    {
        if (template is { Terminal: true, Interactive: true } && !detach && !cli.IsInputTerminal)
        {
            throw new CommandException("the input device is not a TTY", ExitCode.SandboxFailed)
            {
                Hint = "leave -t out when standard input is not a terminal",
            };
        }
    }
}
