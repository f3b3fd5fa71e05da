// SPDX-License-Identifier: Apache-2.0

using System.IO.Compression;
using System.Security.Cryptography;
using Builder.Executor.Content;
using Builder.Frontend.Naming;

namespace Builder.Executor.RemoteCache.Mounts;

/// <summary>
/// The tar of an index as a stream: chunks are fetched some ahead, and each is verified before a byte of it is given. Read
/// by one thread, which waits for the network.
/// </summary>
internal sealed class ChunkReadStream : SequentialReadStream
{
    private readonly MountIndex _index;
    private readonly CacheStorage _storage;
    private readonly string _subject;
    private readonly CancellationTokenSource _stop;
    private readonly Queue<Task<byte[]>> _ahead = new();
    private byte[] _current = [];
    private int _taken;
    private int _next;

    /// <summary>Reads from a storage.</summary>
    public ChunkReadStream(MountIndex index, CacheStorage storage, string subject, CancellationToken cancellationToken)
    {
        _index = index;
        _storage = storage;
        _subject = subject;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_taken == _current.Length && !Advance())
        {
            return 0;
        }

        int count = Math.Min(buffer.Length, _current.Length - _taken);
        _current.AsSpan(_taken, count).CopyTo(buffer);
        _taken += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Cancel();
            foreach (Task<byte[]> fetch in _ahead)
            {
                // Nobody waits for it any more: how it ends does not matter.
                _ = fetch.ContinueWith(task => task.Exception, TaskScheduler.Default);
            }

            _ahead.Clear();
            _stop.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Advance()
    {
        while (_next < _index.Chunks.Length && _ahead.Count < MountLimits.Parallelism)
        {
            MountChunk chunk = _index.Chunks[_next++];
            _ahead.Enqueue(Task.Run(() => FetchAsync(chunk)));
        }

        if (!_ahead.TryDequeue(out Task<byte[]>? first))
        {
            return false;
        }

        _current = first.GetAwaiter().GetResult();
        _taken = 0;
        return true;
    }

    private async Task<byte[]> FetchAsync(MountChunk chunk)
    {
        byte[] packed = await _storage.ReadBlobAsync(chunk.Blob, _stop.Token).ConfigureAwait(false);
        byte[] plain = new byte[chunk.LengthBytes];
        try
        {
            using GZipStream gzip = new(new MemoryStream(packed, writable: false), CompressionMode.Decompress);
            gzip.ReadExactly(plain);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new ContentException(ContentFailure.Malformed, $"{_subject}: chunk {chunk.Blob.Digest} cannot be unpacked", e);
        }

        return Digest.FromHash(SHA256.HashData(plain)) == chunk.Content
            ? plain
            : throw new ContentException(
                ContentFailure.DigestMismatch, $"{_subject}: chunk {chunk.Blob.Digest} does not hold {chunk.Content}");
    }
}
