// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Setup;
using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Sandbox;

/// <summary>A programme that ends with a command, and what it needs while it is walked. Dispose of it after the start.</summary>
internal abstract class ProcessProgramme : IDisposable
{
    private readonly List<IDisposable> _resources = [];

    /// <summary>Takes the rows over; there are none yet.</summary>
    protected ProcessProgramme(SyscallProgramme programme) => Programme = Own(programme);

    /// <summary>The rows.</summary>
    public SyscallProgramme Programme { get; }

    /// <summary>The rows that execute the command.</summary>
    public abstract CommandRows Command { get; }

    /// <summary>The terminal, or null.</summary>
    public PseudoTerminal? Terminal { get; protected set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = _resources.Count - 1; i >= 0; i--)
        {
            _resources[i].Dispose();
        }

        _resources.Clear();
    }

    /// <summary>Keeps a thing until the programme is disposed of.</summary>
    protected T Own<T>(T resource)
        where T : IDisposable
    {
        _resources.Add(resource);
        return resource;
    }
}
