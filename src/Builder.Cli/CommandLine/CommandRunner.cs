// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Help;
using System.Runtime.InteropServices;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Isolation;
using Builder.Frontend;

namespace Builder.Cli.CommandLine;

/// <summary>Finds the verb, builds its command, parses the rest and invokes it.</summary>
internal sealed class CommandRunner(CliContext cli, ImmutableArray<Verb> verbs)
{
    private const string ProgramName = "bld";

    private string[] _arguments = [];
    private PosixSignal? _signal;

    /// <summary>Runs a command line and returns the exit status; failures are rendered, never thrown.</summary>
    public async Task<int> RunAsync(string[] arguments)
    {
        _arguments = arguments;
        int usageExitCode = ExitCode.Usage;
        bool debug = arguments.TakeWhile(a => a != "--").Any(a => a is "--debug" or "-D");
        try
        {
            Invocation invocation = Resolve(arguments);
            usageExitCode = invocation.Verb?.UsageExitCode ?? usageExitCode;
            return await InvokeAsync(invocation);
        }
        catch (UsageException exception)
        {
            new ErrorRenderer(cli, debug).Render(exception);
            return usageExitCode;
        }
        catch (OperationCanceledException)
        {
            cli.Error.WriteLine("canceled");
            return _signal is { } signal ? ExitCode.Signalled(signal) : ExitCode.Interrupted;
        }
        catch (BuildException exception)
        {
            new ErrorRenderer(cli, debug).Render(exception);
            return ErrorRenderer.ExitCodeOf(exception);
        }
        catch (IOException exception) when (LinuxException.FromDisk(exception) is { } failure)
        {
            new ErrorRenderer(cli, debug).Render(failure);
            return ErrorRenderer.ExitCodeOf(failure);
        }
        finally
        {
            cli.Out.Flush();
        }
    }

    private Invocation Resolve(string[] arguments)
    {
        List<string> leading = [];
        int position = 0;
        while (position < arguments.Length && arguments[position].StartsWith('-') && arguments[position].Length > 1)
        {
            leading.Add(arguments[position]);
            if (arguments[position++] == "--root" && position < arguments.Length)
            {
                leading.Add(arguments[position++]);
            }
        }

        ImmutableArray<Verb> level = verbs;
        List<Verb> path = [];
        while (position < arguments.Length && path.LastOrDefault()?.Create is null)
        {
            string word = arguments[position];
            if (word.StartsWith('-'))
            {
                break;
            }

            path.Add(Find(level, word, path));
            level = path[^1].Children;
            position++;
        }

        return new Invocation(path, [.. leading, .. arguments.Skip(position)]);
    }

    private static Verb Find(ImmutableArray<Verb> level, string word, List<Verb> path)
    {
        string parents = string.Concat(path.Select(verb => verb.Name + " "));
        Verb? found = level.FirstOrDefault(verb => verb.Name == word);
        if (found is not null)
        {
            return found;
        }

        string? nearest = Spelling.Suggest(word, level.Select(verb => verb.Name));
        throw new UsageException($"unknown command: {ProgramName} {parents}{word}")
        {
            Hint = nearest is null
                ? $"run '{ProgramName} {parents}--help' for a list"
                : $"did you mean '{ProgramName} {parents}{nearest}'?",
        };
    }

    private async Task<int> InvokeAsync(Invocation invocation)
    {
        GlobalOptions global = new();
        RootCommand root = CreateRoot(global);
        Command command = root;
        List<string> words = [];
        foreach (Verb verb in invocation.Path)
        {
            // A command may have a name of its own: "image ls" is "images".
            Command child = verb.Create is { } create ? create(cli, global) : new Command(verb.Name, verb.Description);
            command.Add(child);
            command = child;
            words.Add(child.Name);
        }

        if (invocation.Verb is not { Create: not null } leaf)
        {
            return ShowGroup(invocation, root, command);
        }

        IEnumerable<Option> inherited = root.Options;
        List<string> normalized = ArgumentNormalizer.Normalize(
            command, inherited, invocation.Arguments, leaf.StopsAtFirstOperand);
        List<string> line = [.. words, .. normalized];
        ParseResult parsed = root.Parse(line, new ParserConfiguration { ResponseFileTokenReplacer = null });
        ThrowOnErrors(parsed, invocation);
        if (leaf.EntersNamespace && parsed.Action is not HelpAction && EnterNamespace(parsed, command, global) is { } status)
        {
            return status;
        }

        using CancellationTokenSource cancellation = new();
        using Interruption? interruption = leaf.HandlesSignals ? null : new Interruption(cancellation, signal => _signal ??= signal);
        return await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = cli.Out,
                Error = cli.Error,
            },
            cancellation.Token);
    }

    /// <summary>The status of this command line run inside a user namespace, or null when it can be run here.</summary>
    private int? EnterNamespace(ParseResult parsed, Command command, GlobalOptions global)
    {
        Option<string?>? isolation = command.Options.OfType<Option<string?>>().FirstOrDefault(option => option.Name == "--isolation");
        IsolationRung? wanted = IsolationRungs.Parse(isolation is null ? null : parsed.GetValue(isolation));
        Dictionary<string, string> additions = new(StringComparer.Ordinal)
        {
            ["BLD_ROOT"] = Composition.RootOf(cli, parsed.GetValue(global.Root)),
        };
        cli.Out.Flush();
        int? status = UserNamespaceReexec.RunIfNeeded(wanted, _arguments, additions, out IsolationChoice choice);
        cli.Isolation = choice;
        return status;
    }

    private static RootCommand CreateRoot(GlobalOptions global)
    {
        RootCommand root = new("Builds container images from Dockerfiles and runs them, without a daemon and without root");
        root.Options.Clear();
        root.Directives.Clear();
        foreach (Option option in global.All)
        {
            option.Recursive = true;
            root.Options.Add(option);
        }

        root.Options.Add(new HelpOption("--help"));
        return root;
    }

    private int ShowGroup(Invocation invocation, RootCommand root, Command group)
    {
        string? stray = invocation.Arguments.FirstOrDefault(a => a is not ("--help" or "-h" or "--debug" or "-D"));
        if (stray is not null)
        {
            throw new UsageException($"unknown flag: {stray}") { Hint = "flags of a command follow its name" };
        }

        if (invocation.Path.Count == 0)
        {
            group.Add(new VersionOption());
        }

        foreach (Verb verb in (invocation.Verb?.Children ?? verbs).Where(verb => !verb.Hidden))
        {
            group.Add(new Command(verb.Name, verb.Description));
        }

        List<string> line = [.. invocation.Path.Select(verb => verb.Name), "--help"];
        return root.Parse(line).Invoke(new InvocationConfiguration { Output = cli.Out, Error = cli.Error });
    }

    private static void ThrowOnErrors(ParseResult parsed, Invocation invocation)
    {
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
        {
            string words = string.Join(' ', invocation.Path.Select(verb => verb.Name));
            throw new UsageException($"{words}: {Plain(parsed.Errors[0].Message)}")
            {
                Hint = $"run '{ProgramName} {words} --help'",
            };
        }
    }

    /// <summary>A message of the library in the words of this program.</summary>
    private static string Plain(string message)
    {
        string[] quoted = message.Split('\'');
        return quoted switch
        {
            ["Unrecognized command or argument ", var argument, ..] => $"one argument too many: \"{argument}\"",
            ["Cannot parse argument ", var argument, " for option ", var option, ..] =>
                $"invalid argument \"{argument}\" for {option}: not a whole number",
            ["Required argument ", var name, ..] => $"the argument {name} is missing",
            _ => message.TrimEnd('.'),
        };
    }

    private sealed record Invocation(List<Verb> Path, List<string> Arguments)
    {
        public Verb? Verb => Path.LastOrDefault();
    }

    /// <summary>Turns the first SIGINT, SIGTERM or SIGHUP into a cancellation; a second one ends the process.</summary>
    private sealed class Interruption : IDisposable
    {
        private readonly CancellationTokenSource _cancellation;
        private readonly Action<PosixSignal> _note;
        private readonly ImmutableArray<PosixSignalRegistration> _registrations;

        public Interruption(CancellationTokenSource cancellation, Action<PosixSignal> note)
        {
            _cancellation = cancellation;
            _note = note;
            _registrations =
            [
                .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
                    .Select(signal => PosixSignalRegistration.Create(signal, Handle)),
            ];
        }

        public void Dispose()
        {
            foreach (PosixSignalRegistration registration in _registrations)
            {
                registration.Dispose();
            }
        }

        private void Handle(PosixSignalContext context)
        {
            _note(context.Signal);
            context.Cancel = !_cancellation.IsCancellationRequested;
            _cancellation.Cancel();
        }
    }
}
