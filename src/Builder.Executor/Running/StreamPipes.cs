// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Executor.Sandbox;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Running;

/// <summary>The two sides of a process's standard streams: pipes, or a terminal of which the sandbox has both.</summary>
internal sealed class StreamPipes : IDisposable
{
    private const int DefaultColumns = 80;
    private const int DefaultRows = 24;

    private readonly List<SafeFileHandle> _inside = [];
    private readonly List<SafeFileHandle> _outside = [];

    private StreamPipes(SandboxIo io)
    {
        Io = io;
    }

    /// <summary>The side of the process.</summary>
    public SandboxIo Io { get; private init; }

    /// <summary>What it writes to its standard output; null with a terminal.</summary>
    public SafeFileHandle? Output { get; private init; }

    /// <summary>What it writes to its standard error; null with a terminal.</summary>
    public SafeFileHandle? Error { get; private init; }

    /// <summary>
    /// Opens the streams. Without a terminal the process reads straight from <paramref name="input"/>; an interactive one
    /// without any waits on a pipe into which nothing is written.
    /// </summary>
    public static StreamPipes Open(bool terminal, SafeFileHandle? input, bool interactive)
    {
        if (terminal)
        {
            Libc.TerminalSize? size = input is null ? null : Libc.GetTerminalSize((int)input.DangerousGetHandle());
            return new StreamPipes(new SandboxIo.Terminal(size?.Columns ?? DefaultColumns, size?.Rows ?? DefaultRows));
        }

        (SafeFileHandle outputRead, SafeFileHandle outputWrite) = Libc.CreatePipe();
        (SafeFileHandle errorRead, SafeFileHandle errorWrite) = Libc.CreatePipe();
        (SafeFileHandle inputRead, SafeFileHandle? inputWrite) = interactive
            ? input is null ? Libc.CreatePipe() : (input, null)
            : (File.OpenHandle("/dev/null"), null);
        StreamPipes pipes = new(new SandboxIo.Streams(inputRead, outputWrite, errorWrite))
        {
            Output = outputRead,
            Error = errorRead,
        };
        pipes._inside.AddRange([outputWrite, errorWrite]);
        pipes._outside.AddRange([outputRead, errorRead]);
        if (inputRead != input)
        {
            pipes._inside.Add(inputRead);
        }

        if (inputWrite is not null)
        {
            pipes._outside.Add(inputWrite);
        }

        return pipes;
    }

    /// <summary>Closes the process's side here, so that the end of the process is the end of the streams.</summary>
    public void CloseInside() => _inside.ForEach(handle => handle.Dispose());

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseInside();
        _outside.ForEach(handle => handle.Dispose());
    }
}
