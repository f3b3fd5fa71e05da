// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Running;

/// <summary>Puts a terminal into raw mode, so that every key reaches the container, and back. Source: cfmakeraw(3).</summary>
public sealed class RawTerminal : IDisposable
{
    private const uint InputProcessing = 0x5eb; // IGNBRK|BRKINT|PARMRK|ISTRIP|INLCR|IGNCR|ICRNL|IXON
    private const uint OutputProcessing = 0x1; // OPOST
    private const uint LocalProcessing = 0x804b; // ECHO|ECHONL|ICANON|ISIG|IEXTEN
    private const uint SizeAndParity = 0x130; // CSIZE|PARENB
    private const uint EightBits = 0x30; // CS8

    private readonly int _descriptor;
    private readonly Libc.TerminalSettings? _before;

    /// <summary>Makes the terminal raw; what is no terminal stays as it is.</summary>
    public RawTerminal(int descriptor)
    {
        _descriptor = descriptor;
        _before = Libc.GetTerminalSettings(descriptor);
        if (_before is { } settings)
        {
            settings.Input &= ~InputProcessing;
            settings.Output &= ~OutputProcessing;
            settings.Local &= ~LocalProcessing;
            settings.Control = (settings.Control & ~SizeAndParity) | EightBits;
            Libc.SetTerminalSettings(descriptor, settings);
        }
    }

    /// <summary>Restores the terminal.</summary>
    public void Dispose()
    {
        if (_before is { } settings)
        {
            Libc.SetTerminalSettings(_descriptor, settings);
        }
    }
}
