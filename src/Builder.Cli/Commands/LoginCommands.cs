// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Text;
using Builder.Cli.CommandLine;
using Builder.Executor.Registry;

namespace Builder.Cli.Commands;

/// <summary><c>bld login</c> and <c>bld logout</c>.</summary>
internal static class LoginCommands
{
    private const string DefaultRegistry = "docker.io";

    /// <summary>Makes <c>login</c>.</summary>
    public static Command CreateLogin(CliContext cli, GlobalOptions global)
    {
        Argument<string?> server = OptionFactory.OptionalOperand("SERVER", "The registry (default docker.io)");
        Option<string?> user = OptionFactory.Text("--username", "NAME", "The user", "-u");
        Option<string?> password = OptionFactory.Text("--password", "PASSWORD", "The password (others may see it)", "-p");
        Option<bool> fromInput = OptionFactory.Flag("--password-stdin", "Read the password from standard input");
        RegistryFlags registry = new();
        Command command = new("login", "Log in to a registry") { server, user, password, fromInput };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(password) is not null && parsed.GetValue(fromInput))
            {
                throw new UsageException("--password and --password-stdin exclude each other");
            }

            using Composition composition = Composition.Open(cli, parsed, global, registry);
            string host = parsed.GetValue(server) ?? DefaultRegistry;
            RegistryCredential credential = new()
            {
                UserName = parsed.GetValue(user) ?? Ask(cli, "Username: ", hidden: false),
                Password = parsed.GetValue(password)
                    ?? (parsed.GetValue(fromInput) ? (await cli.In.ReadToEndAsync(cancellationToken)).TrimEnd('\r', '\n') : null)
                    ?? Ask(cli, "Password: ", hidden: true),
            };
            string place = await composition.Registries.LoginAsync(host, credential, cancellationToken);
            cli.Error.WriteLine($"The credential is kept in {place}");
            cli.Out.WriteLine("Login Succeeded");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Makes <c>logout</c>.</summary>
    public static Command CreateLogout(CliContext cli, GlobalOptions global)
    {
        Argument<string?> server = OptionFactory.OptionalOperand("SERVER", "The registry (default docker.io)");
        RegistryFlags registry = new();
        Command command = new("logout", "Forget the credential of a registry") { server };
        registry.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using Composition composition = Composition.Open(cli, parsed, global, registry);
            string host = parsed.GetValue(server) ?? DefaultRegistry;
            bool removed = await composition.Registries.LogoutAsync(host, cancellationToken);
            cli.Out.WriteLine(removed ? $"Removed the credential for {host}" : $"Not logged in to {host}");
            return ExitCode.Success;
        });
        return command;
    }

    private static string Ask(CliContext cli, string prompt, bool hidden)
    {
        if (!cli.IsInputTerminal)
        {
            throw new UsageException($"log in: no {prompt.TrimEnd(' ', ':').ToLowerInvariant()} was given")
            {
                Hint = "give -u NAME and --password-stdin",
            };
        }

        cli.Error.Write(prompt);
        cli.Error.Flush();
        return hidden ? ReadHidden(cli) : cli.In.ReadLine() ?? "";
    }

    private static string ReadHidden(CliContext cli)
    {
        StringBuilder text = new();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                text.Length = Math.Max(0, text.Length - 1);
            }
            else
            {
                text.Append(key.KeyChar);
            }
        }

        cli.Error.WriteLine();
        return text.ToString();
    }
}
