// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Executor.Sandbox.Ledger;

/// <summary>The mask of new files' modes of another process.</summary>
internal static class TraceeUmask
{
    private const int Usual = 0b000_010_010;

    /// <summary>Reads it; the usual one when it cannot be read.</summary>
    public static int Read(int threadId)
    {
        try
        {
            string? line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/status"))
                .FirstOrDefault(text => text.StartsWith("Umask:", StringComparison.Ordinal));
            return line is null ? Usual : Convert.ToInt32(line["Umask:".Length..].Trim(), 8);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Usual;
        }
    }
}
