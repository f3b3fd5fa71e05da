// SPDX-License-Identifier: Apache-2.0

using System.Collections.Frozen;
using System.Globalization;

namespace Builder.Solver.Lowering;

/// <summary>Knows the signals that STOPSIGNAL may name.</summary>
internal static class StopSignal
{
    private const int RealTimeSignals = 30;

    private static readonly FrozenSet<string> s_names = FrozenSet.ToFrozenSet(
    [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
        "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
        "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
    ],
    StringComparer.OrdinalIgnoreCase);

    /// <summary>True for a number other than 0, a name with or without SIG, and RTMIN+n, RTMAX-n.</summary>
    public static bool IsValid(string signal)
    {
        if (int.TryParse(signal, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
        {
            return number != 0;
        }

        string name = signal.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? signal[3..] : signal;
        if (s_names.Contains(name))
        {
            return true;
        }

        bool isRealTime = name.StartsWith("RTMIN+", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("RTMAX-", StringComparison.OrdinalIgnoreCase);
        return isRealTime
            && int.TryParse(name.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out int offset)
            && offset is > 0 and <= RealTimeSignals;
    }
}
