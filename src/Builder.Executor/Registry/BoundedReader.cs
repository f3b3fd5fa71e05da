// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Registry;

/// <summary>Reads bodies of small answers, never more than a limit.</summary>
internal static class BoundedReader
{
    /// <summary>The body; null when it is longer than the limit.</summary>
    public static async Task<byte[]?> ReadAllAsync(HttpContent content, int limit, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength > limit)
        {
            return null;
        }

        byte[] bytes = await ReadPrefixAsync(content, limit + 1, cancellationToken).ConfigureAwait(false);
        return bytes.Length > limit ? null : bytes;
    }

    /// <summary>The body's first bytes.</summary>
    public static async Task<byte[]> ReadPrefixAsync(HttpContent content, int limit, CancellationToken cancellationToken)
    {
        Stream body = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            using MemoryStream bytes = new();
            byte[] buffer = new byte[16 * 1024];
            while (bytes.Length < limit)
            {
                int wanted = (int)Math.Min(buffer.Length, limit - bytes.Length);
                int count = await StallGuard.ReadAsync(body, buffer.AsMemory(0, wanted), cancellationToken)
                    .ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                bytes.Write(buffer, 0, count);
            }

            return bytes.ToArray();
        }
    }
}
