// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using Builder.Executor.Running;

namespace Builder.Cli.Running;

/// <summary>A container that runs in front of the user: signals are forwarded, the terminal is raw meanwhile.</summary>
internal static class ForegroundRun
{
    private const int ForcedAfterInterrupts = 3;
    private const int SigKill = 9;
    private const int SigWinch = 28;

    private static readonly int[] s_forwarded = [1 /* HUP */, 2 /* INT */, 3 /* QUIT */, 10 /* USR1 */, 12 /* USR2 */, 15 /* TERM */];

    /// <summary>Runs a container to its end and gives its status.</summary>
    public static async Task<int> RunAsync(
        Composition composition, ContainerRecord container, bool forwardSignals, bool attachInput)
    {
        ContainerSession session = composition.CreateSession();
        int interrupts = 0;
        List<PosixSignalRegistration> registrations = [];
        foreach (int signal in forwardSignals ? s_forwarded : [])
        {
            registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                bool isForced = signal is 2 or 15 && Interlocked.Increment(ref interrupts) >= ForcedAfterInterrupts;
                session.Signal(isForced ? SigKill : signal);
            }));
        }

        if (container.Terminal && attachInput)
        {
            registrations.Add(PosixSignalRegistration.Create((PosixSignal)SigWinch, _ => session.ResizeLike(0)));
        }

        RawTerminal? terminal = null;
        try
        {
            return await session.RunAsync(
                container,
                ContainerIo.Standard(attachInput && container.Interactive),
                () =>
                {
                    if (session.Warning is { } warning)
                    {
                        composition.Cli.Error.WriteLine($"warning: {warning}");
                    }

                    terminal = container.Terminal && container.Interactive && attachInput ? new RawTerminal(0) : null;
                },
                CancellationToken.None);
        }
        finally
        {
            terminal?.Dispose();
            registrations.ForEach(registration => registration.Dispose());
            if (container.AutoRemove)
            {
                composition.Control.Remove(container, force: true, withVolumes: true);
            }
        }
    }
}
