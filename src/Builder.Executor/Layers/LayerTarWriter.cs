// SPDX-License-Identifier: Apache-2.0

using System.Buffers;

namespace Builder.Executor.Layers;

/// <summary>
/// Writes the canonical tar of a layer: the same entries give the same bytes (invariant 4). Entries come in ascending
/// order of the bytes of their paths. Not thread-safe; the output stays open.
/// </summary>
internal sealed class LayerTarWriter
{
    private const int FlushBytes = 256 * 1024;

    private readonly Stream _output;
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushBytes + (16 * 1024));
    private long _missing;
    private int _padding;

    /// <summary>Writes to <paramref name="output"/>.</summary>
    public LayerTarWriter(Stream output)
    {
        _output = output;
    }

    /// <summary>The sum of the lengths of the files so far.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>How many entries were written.</summary>
    public int EntryCount { get; private set; }

    /// <summary>
    /// Writes the header of the next entry. For one that <see cref="LayerEntry.HasContent"/> exactly
    /// <see cref="LayerEntry.Size"/> bytes must follow by <see cref="WriteContent"/>.
    /// </summary>
    public void WriteEntry(LayerEntry entry)
    {
        EndContent();
        TarHeaderEncoder.Encode(entry, _buffer);
        EntryCount++;
        if (entry.HasContent)
        {
            _missing = entry.Size;
            _padding = TarFormat.Padding(entry.Size);
            ContentBytes += entry.Size;
        }

        if (_buffer.WrittenCount >= FlushBytes)
        {
            FlushBuffer();
        }
    }

    /// <summary>Writes bytes of the current entry's content.</summary>
    /// <exception cref="InvalidOperationException">More than its size.</exception>
    public void WriteContent(ReadOnlySpan<byte> content)
    {
        if (content.Length > _missing)
        {
            throw new InvalidOperationException("more content than the entry's size");
        }

        _missing -= content.Length;
        if (_buffer.WrittenCount + content.Length <= FlushBytes)
        {
            _buffer.Write(content);
            return;
        }

        FlushBuffer();
        _output.Write(content);
    }

    /// <summary>Ends the archive.</summary>
    public void Finish()
    {
        EndContent();
        _buffer.GetSpan(2 * TarFormat.BlockBytes)[..(2 * TarFormat.BlockBytes)].Clear();
        _buffer.Advance(2 * TarFormat.BlockBytes);
        FlushBuffer();
    }

    private void EndContent()
    {
        if (_missing != 0)
        {
            throw new InvalidOperationException($"{_missing} bytes of content are missing");
        }

        if (_padding > 0)
        {
            _buffer.GetSpan(_padding)[.._padding].Clear();
            _buffer.Advance(_padding);
            _padding = 0;
        }
    }

    private void FlushBuffer()
    {
        _output.Write(_buffer.WrittenSpan);
        _buffer.ResetWrittenCount();
    }
}
