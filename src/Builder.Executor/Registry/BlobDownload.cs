// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Security.Cryptography;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>
/// Brings one blob into a file: continues where an earlier attempt, also of a process that was killed, ended; goes on by
/// range after a broken connection; goes to the next endpoint when one has not got it; and verifies size and digest.
/// </summary>
internal sealed class BlobDownload
{
    private readonly ImmutableArray<RegistryRepository> _places;
    private readonly Digest _digest;
    private readonly long _sizeBytes;
    private readonly Stream _file;
    private readonly Action<long>? _progress;
    private IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private BlobDownload(
        ImmutableArray<RegistryRepository> places, Digest digest, long sizeBytes, Stream file, Action<long>? progress)
    {
        _places = places;
        _digest = digest;
        _sizeBytes = sizeBytes;
        _file = file;
        _progress = progress;
    }

    /// <summary>Downloads.</summary>
    /// <param name="places">Where the blob may be had, in order.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <param name="file">Readable, writable, seekable; what it holds is taken for the blob's first bytes. Afterwards it
    /// holds exactly the blob.</param>
    /// <param name="progress">Told how many bytes are there.</param>
    /// <param name="cancellationToken">Cancels; what has arrived stays in the file.</param>
    /// <exception cref="RegistryException">It cannot be had, or what there is has another digest or size.</exception>
    public static async Task RunAsync(
        ImmutableArray<RegistryRepository> places,
        Digest digest,
        long sizeBytes,
        Stream file,
        Action<long>? progress,
        CancellationToken cancellationToken)
    {
        BlobDownload download = new(places, digest, sizeBytes, file, progress);
        try
        {
            await download.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            download._hash.Dispose();
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        bool resumed = await HashPresentAsync(cancellationToken).ConfigureAwait(false);
        RegistryException? failure = null;
        for (int place = 0; place < _places.Length; place++)
        {
            try
            {
                await FetchAsync(_places[place], cancellationToken).ConfigureAwait(false);
                if (Finish() is not { } wrong)
                {
                    return;
                }

                Restart();
                if (resumed)
                {
                    // The bytes of an earlier attempt may be to blame: once more from here, from the start.
                    resumed = false;
                    await FetchAsync(_places[place], cancellationToken).ConfigureAwait(false);
                    if (Finish() is null)
                    {
                        return;
                    }

                    Restart();
                }

                failure = RegistryRepository.Mismatch(
                    $"pull blob {_digest} of {_places[place].Endpoint}", $"the content that arrived has the digest {wrong}");
            }
            catch (RegistryException e)
            {
                failure = e;
                resumed = _file.Length > 0;
            }
        }

        throw failure ?? throw new InvalidOperationException("a blob without a place to fetch it from");
    }

    /// <summary>Hashes what an earlier attempt left; true when that was anything.</summary>
    private async Task<bool> HashPresentAsync(CancellationToken cancellationToken)
    {
        if (_file.Length > _sizeBytes)
        {
            Restart();
        }

        _file.Position = 0;
        byte[] buffer = new byte[RegistryLimits.CopyBufferBytes];
        int count;
        while ((count = await _file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            _hash.AppendData(buffer, 0, count);
        }

        return _file.Length > 0;
    }

    private async Task FetchAsync(RegistryRepository place, CancellationToken cancellationToken)
    {
        await place.Connection.Transfers.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            int attempt = 0;
            while (_file.Length < _sizeBytes)
            {
                long before = _file.Length;
                try
                {
                    await ReadOnceAsync(place, cancellationToken).ConfigureAwait(false);
                }
                catch (RegistryException e) when (e.IsTransient)
                {
                    // Progress earns new attempts: a large blob over a bad line arrives piece by piece.
                    attempt = _file.Length > before ? 1 : attempt + 1;
                    if (attempt > place.Connection.Options.Retries)
                    {
                        throw;
                    }

                    await place.PauseAsync(attempt, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            place.Connection.Transfers.Release();
        }
    }

    private async Task ReadOnceAsync(RegistryRepository place, CancellationToken cancellationToken)
    {
        BlobBody body = await place.OpenBlobAsync(_digest, _file.Length, cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            long skip = _file.Length - body.Start;
            byte[] buffer = new byte[RegistryLimits.CopyBufferBytes];
            while (true)
            {
                int count = await ReadBodyAsync(body, buffer, place, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                int known = (int)Math.Min(skip, count);
                skip -= known;
                await AppendAsync(buffer.AsMemory(known, count - known), place, cancellationToken).ConfigureAwait(false);
            }
        }

        if (_file.Length < _sizeBytes)
        {
            throw Broken(new IOException("the connection ended before the blob did"), place);
        }
    }

    /// <summary>Tells the network's failures from those of the file that is written.</summary>
    private async ValueTask<int> ReadBodyAsync(
        BlobBody body, Memory<byte> buffer, RegistryRepository place, CancellationToken cancellationToken)
    {
        try
        {
            return await StallGuard.ReadAsync(body.Stream, buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
        {
            throw Broken(e, place);
        }
    }

    private RegistryException Broken(Exception failure, RegistryRepository place) => RegistryErrors.FromFailure(
        failure, $"pull blob {_digest} of {place.Endpoint}", new Uri($"https://{place.Endpoint.Authority}/"));

    private async Task AppendAsync(
        ReadOnlyMemory<byte> bytes, RegistryRepository place, CancellationToken cancellationToken)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        if (_file.Length + bytes.Length > _sizeBytes)
        {
            Restart();
            throw RegistryRepository.Mismatch(
                $"pull blob {_digest} of {place.Endpoint}", $"more bytes arrived than the {_sizeBytes} that its manifest says");
        }

        _file.Position = _file.Length;
        await _file.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        _hash.AppendData(bytes.Span);
        _progress?.Invoke(_file.Length);
    }

    /// <summary>Null when the content is right, else its digest.</summary>
    private Digest? Finish()
    {
        Digest actual = Digest.FromHash(_hash.GetCurrentHash());
        return actual == _digest ? null : actual;
    }

    private void Restart()
    {
        _file.SetLength(0);
        _hash.Dispose();
        _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        _progress?.Invoke(0);
    }
}
