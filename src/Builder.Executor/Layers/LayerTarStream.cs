// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.Layers;

/// <summary>
/// The canonical tar of a layer's directory as a stream, made while it is read; memory is one buffer. Not thread-safe.
/// </summary>
internal sealed class LayerTarStream : SequentialReadStream
{
    private const int BufferBytes = 256 * 1024;

    private readonly FileDescriptor _root;
    private readonly IEnumerator<WalkedEntry> _entries;
    private readonly ArrayBufferWriter<byte> _buffer = new(BufferBytes + (64 * 1024));
    private int _taken;
    private FileDescriptor? _file;
    private LayerEntry? _current;
    private long _missing;
    private bool _ended;

    /// <summary>Walks below <paramref name="root"/>, which this stream owns from now on.</summary>
    public LayerTarStream(FileDescriptor root, DiffWalker walker, CancellationToken cancellationToken)
    {
        _root = root;
        _entries = walker.Walk(root, cancellationToken).GetEnumerator();
    }

    /// <summary>The sum of the lengths of the files so far.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>How many entries there were so far.</summary>
    public int EntryCount { get; private set; }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        if (_taken == _buffer.WrittenCount)
        {
            _buffer.ResetWrittenCount();
            _taken = 0;
            if (_missing > 0 && buffer.Length >= BufferBytes)
            {
                // Large files go straight to the reader.
                return ReadFile(buffer);
            }

            Fill();
        }

        int count = Math.Min(buffer.Length, _buffer.WrittenCount - _taken);
        _buffer.WrittenSpan.Slice(_taken, count).CopyTo(buffer);
        _taken += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file?.Dispose();
            _entries.Dispose();
            _root.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Fill()
    {
        while (!_ended && _buffer.WrittenCount < BufferBytes)
        {
            if (_missing > 0)
            {
                int room = (int)Math.Min(Math.Max(BufferBytes - _buffer.WrittenCount, 1), _missing);
                _buffer.Advance(ReadFile(_buffer.GetSpan(room)[..room]));
                continue;
            }

            if (_current is not null)
            {
                Pad(TarFormat.Padding(_current.Size));
                _file?.Dispose();
                _file = null;
                _current = null;
            }

            if (!_entries.MoveNext())
            {
                Pad(2 * TarFormat.BlockBytes);
                _ended = true;
                return;
            }

            Begin(_entries.Current);
        }
    }

    private void Begin(in WalkedEntry walked)
    {
        LayerEntry entry = walked.Entry;
        TarHeaderEncoder.Encode(entry, _buffer);
        EntryCount++;
        if (entry.HasContent && entry.Size > 0)
        {
            _file = AtCalls.Open(walked.Directory, walked.Name, OpenFlags.ReadOnly | OpenFlags.NoFollow);
            _current = entry;
            _missing = entry.Size;
            ContentBytes += entry.Size;
        }
    }

    private unsafe int ReadFile(Span<byte> buffer)
    {
        int wanted = (int)Math.Min(buffer.Length, _missing);
        fixed (byte* start = buffer)
        {
            nint count = Libc.Read(_file!.Value, start, (nuint)wanted);
            if (count < 0)
            {
                throw AtCalls.Failure("read", _file.Value, []);
            }

            if (count == 0)
            {
                throw new ContentException(
                    ContentFailure.SizeMismatch,
                    $"make layer: the file \"{PathEncoding.Decode(_current!.Path)}\" became shorter while it was read");
            }

            _missing -= count;
            return (int)count;
        }
    }

    private void Pad(int length)
    {
        _buffer.GetSpan(length)[..length].Clear();
        _buffer.Advance(length);
    }
}
