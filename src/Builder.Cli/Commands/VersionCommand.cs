// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using System.Runtime.InteropServices;
using Builder.Cli.CommandLine;
using Builder.Cli.Output;

namespace Builder.Cli.Commands;

/// <summary><c>bld version</c> and <c>bld --version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>The product's version without build metadata.</summary>
    public static string Version { get; } = typeof(VersionCommand).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    /// <summary>Makes the command.</summary>
    public static Command Create(CliContext cli, GlobalOptions global)
    {
        Option<string?> format = FormattedOutput.CreateOption();
        Command command = new("version", "Show the version and the machine") { format };
        command.SetAction(parsed =>
        {
            Write(cli, parsed.GetValue(format));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>One line, as <c>docker --version</c>.</summary>
    public static void WriteShort(CliContext cli) => cli.Out.WriteLine($"bld version {Version}");

    private static void Write(CliContext cli, string? format)
    {
        VersionRow row = new(
            Version,
            Environment.OSVersion.VersionString,
            "linux",
            RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "amd64" : "arm64",
            Environment.Version.ToString());
        if (format is not null)
        {
            FormattedOutput.WriteOne(cli, format, OutputJson.ToNode(row, OutputJson.Default.VersionRow));
            return;
        }

        cli.Out.WriteLine($"Version:    {row.Version}");
        cli.Out.WriteLine($"OS/Arch:    {row.Os}/{row.Arch}");
        cli.Out.WriteLine($"Kernel:     {row.KernelVersion}");
        cli.Out.WriteLine($"Runtime:    .NET {row.Runtime}");
    }
}

/// <summary>What <c>bld version</c> shows.</summary>
internal sealed record VersionRow(string Version, string KernelVersion, string Os, string Arch, string Runtime);
