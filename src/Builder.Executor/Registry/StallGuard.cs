// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Registry;

/// <summary>A connection that says nothing for a while is broken, however large the transfer is.</summary>
internal static class StallGuard
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(RegistryLimits.StallSeconds);

    /// <summary>Reads once.</summary>
    /// <exception cref="TimeoutException">Nothing came.</exception>
    public static async ValueTask<int> ReadAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ValueTask<int> read = stream.ReadAsync(buffer, cancellationToken);
        return read.IsCompleted
            ? await read.ConfigureAwait(false)
            : await read.AsTask().WaitAsync(s_limit, cancellationToken).ConfigureAwait(false);
    }
}
