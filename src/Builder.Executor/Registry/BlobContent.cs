// SPDX-License-Identifier: Apache-2.0

using System.Net;

namespace Builder.Executor.Registry;

/// <summary>The bytes of a blob from an offset as the body of a request; opened when it is sent.</summary>
internal sealed class BlobContent : HttpContent
{
    private readonly BlobOpener _open;
    private readonly long _offset;
    private readonly long _lengthBytes;
    private readonly Action<long>? _progress;
    private readonly CancellationToken _cancellationToken;

    public BlobContent(
        BlobOpener open, long offset, long lengthBytes, Action<long>? progress, CancellationToken cancellationToken)
    {
        _open = open;
        _offset = offset;
        _lengthBytes = lengthBytes;
        _progress = progress;
        _cancellationToken = cancellationToken;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, _cancellationToken);

    protected override async Task SerializeToStreamAsync(
        Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Stream source = await _open(_offset, cancellationToken).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            byte[] buffer = new byte[RegistryLimits.CopyBufferBytes];
            long sent = 0;
            while (sent < _lengthBytes)
            {
                int wanted = (int)Math.Min(buffer.Length, _lengthBytes - sent);
                int count = await source.ReadAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw new InvalidOperationException("the blob to push is shorter than its descriptor says");
                }

                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                sent += count;
                _progress?.Invoke(_offset + sent);
            }
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _lengthBytes;
        return true;
    }
}
