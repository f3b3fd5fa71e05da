// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;
using Builder.Executor.Running;
using Builder.Executor.Sandbox.Isolation;

namespace Builder.Cli.Commands;

/// <summary><c>bld info</c>: the machine, the isolation in use and why, the store.</summary>
internal static class InfoCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<string?> format = OptionFactory.Text("--format", "TEMPLATE", "'json' or a Go template", "-f");
        Command command = new("info", "Show the machine, the isolation in use and why, and the store") { format };
        command.SetAction(parsed =>
        {
            using Composition composition = Composition.Open(cli, parsed, global);
            Write(cli, Collect(composition), parsed.GetValue(format));
            return ExitCode.Success;
        });
        return command;
    }

    private static JsonObject Collect(Composition composition)
    {
        List<ContainerStatus> states =
            [.. composition.Containers.List().Select(container => composition.Containers.ReadState(container.Id).Status)];
        JsonArray rungs = new([.. IsolationLadder.Probe().Select(finding => (JsonNode?)new JsonObject
        {
            ["Name"] = IsolationRungs.NameOf(finding.Rung),
            ["Possible"] = finding.IsPossible,
            ["Reason"] = finding.Reason,
        })]);
        string? used = rungs.FirstOrDefault(rung => rung!["Possible"]!.GetValue<bool>())?["Name"]!.GetValue<string>();
        return new JsonObject
        {
            ["ServerVersion"] = VersionCommand.Version,
            ["Containers"] = states.Count,
            ["ContainersRunning"] = states.Count(state => state == ContainerStatus.Running),
            ["ContainersStopped"] = states.Count(state => state != ContainerStatus.Running),
            ["Images"] = composition.Images.List().Count,
            ["Driver"] = "overlay",
            ["DefaultRuntime"] = "bld",
            ["Runtimes"] = new JsonArray("bld"),
            ["Isolation"] = used ?? "none",
            ["IsolationRungs"] = rungs,
            ["Network"] = NetworkDescription.Current,
            ["KernelVersion"] = Environment.OSVersion.Version.ToString(),
            ["OSType"] = "linux",
            ["Architecture"] = Cli.Running.Platforms.Host.Architecture,
            ["NCPU"] = Environment.ProcessorCount,
            ["MemTotal"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["DockerRootDir"] = composition.Root,
        };
    }

    private static void Write(CliContext cli, JsonObject info, string? format)
    {
        if (format is not null)
        {
            FormattedOutput.WriteOne(cli, format, info);
            return;
        }

        cli.Out.WriteLine($"Version: {info["ServerVersion"]}");
        cli.Out.WriteLine($"Containers: {info["Containers"]}");
        cli.Out.WriteLine($" Running: {info["ContainersRunning"]}");
        cli.Out.WriteLine($" Stopped: {info["ContainersStopped"]}");
        cli.Out.WriteLine($"Images: {info["Images"]}");
        cli.Out.WriteLine($"Storage Driver: {info["Driver"]}");
        cli.Out.WriteLine("Runtimes: bld");
        cli.Out.WriteLine($"Default Runtime: {info["DefaultRuntime"]}");
        cli.Out.WriteLine($"Isolation: {info["Isolation"]}");
        foreach (JsonNode? rung in info["IsolationRungs"]!.AsArray())
        {
            string mark = rung!["Possible"]!.GetValue<bool>() ? "yes" : "no";
            cli.Out.WriteLine($" {rung["Name"]}: {mark} ({rung["Reason"]})");
        }

        cli.Out.WriteLine($"Network: {info["Network"]}");
        cli.Out.WriteLine($"Kernel Version: {info["KernelVersion"]}");
        cli.Out.WriteLine($"Architecture: {info["Architecture"]}");
        cli.Out.WriteLine($"CPUs: {info["NCPU"]}");
        double gibibytes = info["MemTotal"]!.GetValue<long>() / (double)(1L << 30);
        cli.Out.WriteLine($"Total Memory: {gibibytes.ToString("F1", CultureInfo.InvariantCulture)}GiB");
        cli.Out.WriteLine($"Root Dir: {info["DockerRootDir"]}");
    }
}
