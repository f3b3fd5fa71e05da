// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;

namespace Builder.Executor.Sandbox.Trace;

/// <summary>A directory that some processes are in.</summary>
/// <param name="descriptor">A reference to it.</param>
/// <param name="isSpecial">It lies in /proc, where names mean what the caller may see.</param>
internal sealed class HeldDirectory(FileDescriptor descriptor, bool isSpecial)
{
    private int _holds = 1;

    /// <summary>A reference to it.</summary>
    public int Descriptor => descriptor.Value;

    /// <summary>It lies in /proc.</summary>
    public bool IsSpecial { get; } = isSpecial;

    /// <summary>One more holds it.</summary>
    public void Hold() => _holds++;

    /// <summary>One less holds it.</summary>
    public void Release()
    {
        if (--_holds == 0)
        {
            descriptor.Dispose();
        }
    }
}
