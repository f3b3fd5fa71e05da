// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Builder.Executor.Sandbox.Spawning;
using Builder.Solver.Ports;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Steps;

/// <summary>The standard streams of a step's command: an empty input, and pipes that lead to the step's output.</summary>
internal sealed class StepStreams : IDisposable
{
    private readonly IStepOutput _output;
    private readonly SafeFileHandle _outputRead;
    private readonly SafeFileHandle _errorRead;

    /// <summary>Makes the pipes.</summary>
    public StepStreams(IStepOutput output)
    {
        _output = output;
        (_outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        (_errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
        CommandSide = new SandboxIo.Streams(File.OpenHandle("/dev/null"), outputWrite, errorWrite);
    }

    /// <summary>What the command gets as 0, 1 and 2.</summary>
    public SandboxIo.Streams CommandSide { get; }

    /// <summary>Closes the command's side here, once it has its own.</summary>
    public void HandOver()
    {
        CommandSide.Input.Dispose();
        CommandSide.Output.Dispose();
        CommandSide.Error.Dispose();
    }

    /// <summary>Passes output on until the process has ended and the pipes are empty.</summary>
    public void Pump(SpawnedProcess process) =>
        OutputPump.Run(process, _outputRead, _errorRead, _output.Write, deadline: long.MaxValue);

    /// <inheritdoc/>
    public void Dispose()
    {
        HandOver();
        _outputRead.Dispose();
        _errorRead.Dispose();
    }
}
