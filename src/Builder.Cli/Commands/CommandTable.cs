// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Commands;

/// <summary>All verbs. Naming them costs nothing; only the invoked one's command is made.</summary>
internal static class CommandTable
{
    /// <summary>The verbs in the order of help.</summary>
    public static ImmutableArray<Verb> Verbs { get; } =
    [
        Build,
        Run,
        new Verb("create", "Make a container without starting it", RunCommand.CreateCreate)
        {
            StopsAtFirstOperand = true,
            UsageExitCode = ExitCode.SandboxFailed,
            EntersNamespace = true,
        },
        .. Lifecycle,
        new Verb("ps", "List containers", PsCommand.Create),
        new Verb("images", "List images", ImagesCommand.Create),
        new Verb("pull", "Fetch an image", PullCommand.Create) { EntersNamespace = true },
        new Verb("push", "Send an image to its registry", PushCommand.Create) { EntersNamespace = true },
        new Verb("save", "Write images to a tar", SaveCommand.Create) { EntersNamespace = true },
        new Verb("load", "Read images from a tar", LoadCommand.Create) { EntersNamespace = true },
        new Verb("tag", "Give an image one more name", TagCommand.Create),
        new Verb("rmi", "Remove images", RemoveImageCommand.Create) { EntersNamespace = true },
        new Verb("history", "Show how an image came to be", HistoryCommand.Create),
        new Verb("why", "Explain why steps of a build ran", WhyCommand.Create),
        new Verb("verify", "Build an image again and show what differs", VerifyCommand.Create) { EntersNamespace = true },
        new Verb("inspect", "Show everything known of containers, images or volumes", InspectCommand.Create),
        new Verb("check", "Check a Dockerfile without building it", CheckCommand.Create),
        Group("image", "Work with images", ImageVerbs),
        Group("manifest", "Work with indexes in registries",
        [
            new Verb("create", "Make one index of images for several platforms", ManifestCommands.CreateCreate) { EntersNamespace = true },
            new Verb("inspect", "Show a manifest or index", ManifestCommands.CreateInspect),
        ]),
        Group("container", "Work with containers", ContainerVerbs),
        Group("volume", "Work with volumes",
        [
            new Verb("ls", "List volumes", VolumeCommands.CreateList),
            new Verb("create", "Make a volume", VolumeCommands.CreateCreate),
            new Verb("inspect", "Show everything known of volumes", VolumeCommands.CreateInspect),
            new Verb("rm", "Remove volumes", VolumeCommands.CreateRemove) { EntersNamespace = true },
            Prune("Remove unused volumes", PruneCommands.CreateVolume),
        ]),
        Group("builder", "Work with the build cache", BuilderVerbs),
        Group("buildx", "As docker's plugin: build, prune, du", BuilderVerbs) with { Hidden = true },
        Group("system", "Work with the store",
        [
            new Verb("df", "Show what the store takes", DiskUsageCommand.Create) { EntersNamespace = true },
            new Verb("check", "Compare everything in the store with its digest or record", SystemCheckCommand.Create)
            {
                EntersNamespace = true,
            },
            new Verb("info", "Show the machine, the isolation in use and why, and the store", InfoCommand.Create),
            Prune("Remove unused data", PruneCommands.CreateSystem),
        ]),
        Group("debug", "Look at parts of bld by themselves",
        [
            new Verb("parse", "Show how a Dockerfile is cut into instructions", DebugCommands.CreateParse),
            new Verb("words", "Expand variables and split into words", DebugCommands.CreateWords),
            new Verb("ignore", "Show which paths an ignore file leaves in", DebugCommands.CreateIgnore),
        ]),
        new Verb("login", "Log in to a registry", LoginCommands.CreateLogin),
        new Verb("logout", "Forget the credential of a registry", LoginCommands.CreateLogout),
        new Verb("info", "Show the machine, the isolation in use and why, and the store", InfoCommand.Create),
        new Verb("version", "Show the version and the machine", VersionCommand.Create),
    ];

    private static Verb Build => new("build", "Build an image from a Dockerfile", BuildCommand.Create) { EntersNamespace = true };

    private static ImmutableArray<Verb> BuilderVerbs =>
    [
        Build,
        Prune("Remove build cache", BuilderPruneCommand.Create),
        new Verb("du", "Show what the store takes", DiskUsageCommand.Create) { EntersNamespace = true },
    ];

    private static Verb Run => new("run", "Run a command in a new container", RunCommand.Create)
    {
        StopsAtFirstOperand = true,
        HandlesSignals = true,
        UsageExitCode = ExitCode.SandboxFailed,
        EntersNamespace = true,
    };

    private static ImmutableArray<Verb> Lifecycle =>
    [
        new Verb("start", "Start containers that do not run", StartCommand.Create) { HandlesSignals = true, EntersNamespace = true },
        new Verb("stop", "Stop containers", ContainerCommands.CreateStop),
        new Verb("restart", "Stop containers and start them again", StartCommand.CreateRestart) { EntersNamespace = true },
        new Verb("kill", "Send containers a signal", ContainerCommands.CreateKill),
        new Verb("rm", "Remove containers", ContainerCommands.CreateRemove) { EntersNamespace = true },
        new Verb("exec", "Run a command in a running container", ExecCommand.Create)
        {
            StopsAtFirstOperand = true,
            HandlesSignals = true,
            UsageExitCode = ExitCode.SandboxFailed,
        },
        new Verb("wait", "Wait for containers to end", ContainerCommands.CreateWait),
        new Verb("logs", "Show what a container wrote", LogsCommand.Create),
        new Verb("port", "Show the published ports of a container", ContainerCommands.CreatePort),
    ];

    private static ImmutableArray<Verb> ContainerVerbs =>
    [
        Run,
        .. Lifecycle,
        new Verb("ls", "List containers", PsCommand.Create),
        new Verb("list", "List containers", PsCommand.Create) { Hidden = true },
        new Verb("ps", "List containers", PsCommand.Create) { Hidden = true },
        new Verb("inspect", "Show everything known of containers", InspectCommand.Create),
        Prune("Remove all containers that do not run", PruneCommands.CreateContainer),
    ];

    private static ImmutableArray<Verb> ImageVerbs =>
    [
        Build,
        new Verb("ls", "List images", ImagesCommand.Create),
        new Verb("list", "List images", ImagesCommand.Create) { Hidden = true },
        new Verb("inspect", "Show everything known of images", ImageInspectCommand.Create),
        new Verb("history", "Show how an image came to be", HistoryCommand.Create),
        new Verb("pull", "Fetch an image", PullCommand.Create) { EntersNamespace = true },
        new Verb("push", "Send an image to its registry", PushCommand.Create) { EntersNamespace = true },
        new Verb("tag", "Give an image one more name", TagCommand.Create),
        new Verb("rm", "Remove images", RemoveImageCommand.Create) { EntersNamespace = true },
        new Verb("save", "Write images to a tar", SaveCommand.Create) { EntersNamespace = true },
        new Verb("load", "Read images from a tar", LoadCommand.Create) { EntersNamespace = true },
        Prune("Remove unused images", PruneCommands.CreateImage),
    ];

    private static Verb Prune(string description, Func<CliContext, GlobalOptions, System.CommandLine.Command> create) =>
        new("prune", description, create) { EntersNamespace = true };

    private static Verb Group(string name, string description, ImmutableArray<Verb> children) =>
        new(name, description, null) { Children = children };
}
