// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using Builder.Cli.CommandLine;
using Builder.Executor.Steps;

namespace Builder.Cli.Building;

/// <summary>Secrets, agents and limits that the command line gives to steps; values are read when a step asks.</summary>
internal static class BuildServices
{
    private const string DefaultAgent = "default";
    private const int MaxSecretBytes = 500 * 1024;

    /// <summary>Reads <c>--secret</c>, <c>--ssh</c> and limits.</summary>
    /// <exception cref="UsageException">Malformed, or a file that is not there.</exception>
    public static StepServices Read(CliContext cli, BuildOptions options, ParseResult parsed)
    {
        Dictionary<string, SecretSpec> secrets = new(StringComparer.Ordinal);
        foreach (string text in parsed.GetValue(options.Secret) ?? [])
        {
            SecretSpec secret = SecretSpec.Parse(text, cli.Variable);
            if (secret.File is { } file && !File.Exists(file))
            {
                throw new UsageException($"secret {secret.Id}: no such file: {file}");
            }

            secrets[secret.Id] = secret;
        }

        Dictionary<string, string> agents = new(StringComparer.Ordinal);
        foreach (string text in parsed.GetValue(options.Ssh) ?? [])
        {
            (string id, string socket) = ParseAgent(cli, text);
            agents[id] = socket;
        }

        return new StepServices
        {
            Isolation = cli.Isolation,
            Limits = OptionValues.ParseLimits(
                parsed.GetValue(options.Memory), parsed.GetValue(options.Cpus), parsed.GetValue(options.PidsLimit)),
            FindSecret = id => secrets.TryGetValue(id, out SecretSpec? secret) ? Value(cli, secret) : null,
            FindSshAgent = agents.GetValueOrDefault,
            DeviceDirectories = DeviceDirectories(parsed.GetValue(options.DeviceDirectory)),
        };
    }

    /// <summary>The text of a secret, for ADD's authentication; null when there is none of that id.</summary>
    public static string? TextOf(StepServices services, string id) =>
        services.FindSecret(id) is { } value ? Encoding.UTF8.GetString(value).TrimEnd('\n') : null;

    private static ImmutableArray<string> DeviceDirectories(string[]? given)
    {
        string? missing = given?.FirstOrDefault(directory => !Directory.Exists(directory));
        return missing is not null
            ? throw new UsageException($"--cdi-spec-dir {missing}: no such directory")
            : given is { Length: > 0 } ? [.. given] : new StepServices().DeviceDirectories;
    }

    private static byte[]? Value(CliContext cli, SecretSpec secret)
    {
        if (secret.Variable is { } variable)
        {
            return cli.Variable(variable) is { } text ? Encoding.UTF8.GetBytes(text) : null;
        }

        FileInfo file = new(secret.File!);
        return file.Length <= MaxSecretBytes
            ? File.ReadAllBytes(file.FullName)
            : throw new CommandException($"secret {secret.Id}: {secret.File} is larger than {MaxSecretBytes / 1024} KiB");
    }

    private static (string Id, string Socket) ParseAgent(CliContext cli, string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string id = equals < 0 ? text : text[..equals];
        string? socket = equals < 0 ? cli.Variable("SSH_AUTH_SOCK") : text[(equals + 1)..];
        id = id.Length == 0 ? DefaultAgent : id;
        if (socket is null or "")
        {
            throw new UsageException($"ssh {id}: no agent: SSH_AUTH_SOCK is not set") { Hint = "start an ssh-agent, or give --ssh ID=SOCKET" };
        }

        if (!File.Exists(socket))
        {
            throw new UsageException($"ssh {id}: no such socket: {socket}");
        }

        // A private key would have to be served by an agent of our own.
        bool isSocket = (File.GetAttributes(socket) & FileAttributes.Directory) == 0 && File.GetUnixFileMode(socket) >= 0
            && new FileInfo(socket) is { Length: 0 };
        return isSocket
            ? (id, socket)
            : throw new UsageException($"ssh {id}: {socket} is not the socket of an agent") { Hint = "load the key into an ssh-agent" };
    }
}
