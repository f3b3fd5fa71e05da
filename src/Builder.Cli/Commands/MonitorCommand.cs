// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Running;

namespace Builder.Cli.Commands;

/// <summary>The hidden verb behind <c>run -d</c>: watches over one container.</summary>
internal static class MonitorCommand
{
    private const int SigTerm = 15;

    /// <summary>Runs the container of <c>ROOT ID</c> to its end.</summary>
    public static async Task<int> RunAsync(CliContext cli, string root, string id)
    {
        using Composition composition = Composition.Open(cli, root);
        ContainerSession session = composition.CreateSession();
        using PosixSignalRegistration termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            session.Signal(SigTerm);
        });
        return await ContainerMonitor.RunAsync(
            session, composition.Control, composition.Containers.Get(id), CancellationToken.None);
    }
}
