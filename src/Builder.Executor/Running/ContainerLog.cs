// SPDX-License-Identifier: Apache-2.0

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Builder.Executor.Running;

/// <summary>One line of a container's log.</summary>
/// <param name="Time">When it was written.</param>
/// <param name="IsStandardError">Which stream it came from.</param>
/// <param name="Text">The bytes, the newline included unless the line was cut or never ended.</param>
public sealed record ContainerLogLine(DateTimeOffset Time, bool IsStandardError, string Text)
{
    /// <summary>The time as docker writes it: RFC 3339 with nine digits.</summary>
    public string TimeText => Time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff'00Z'", CultureInfo.InvariantCulture);
}

/// <summary>
/// Writes a log in docker's json-file form, one object a line:
/// <c>{"log":"text\n","stream":"stdout","time":"..."}</c>. Lines appear when they are complete. Not thread-safe.
/// </summary>
internal sealed class ContainerLogWriter : IDisposable
{
    private const int MaxLineBytes = 16 * 1024;

    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private readonly ArrayBufferWriter<byte> _json = new();
    private readonly ArrayBufferWriter<byte>[] _partial = [new(), new()];

    /// <summary>Opens a log for appending.</summary>
    public ContainerLogWriter(string path, TimeProvider time)
    {
        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        _time = time;
    }

    /// <summary>Takes output of one stream.</summary>
    public void Write(bool isStandardError, ReadOnlySpan<byte> bytes)
    {
        ArrayBufferWriter<byte> partial = _partial[isStandardError ? 1 : 0];
        while (bytes.Length > 0)
        {
            int newline = bytes.IndexOf((byte)'\n');
            int room = MaxLineBytes - partial.WrittenCount;
            int count = Math.Min(room, newline < 0 ? bytes.Length : newline + 1);
            partial.Write(bytes[..count]);
            bytes = bytes[count..];
            if (partial.WrittenCount >= MaxLineBytes || partial.WrittenSpan[^1] == (byte)'\n')
            {
                Emit(isStandardError, partial);
            }
        }

        Flush();
    }

    /// <summary>Writes what never got its newline and closes the file.</summary>
    public void Dispose()
    {
        for (int stream = 0; stream < _partial.Length; stream++)
        {
            if (_partial[stream].WrittenCount > 0)
            {
                Emit(stream == 1, _partial[stream]);
            }
        }

        Flush();
        _file.Dispose();
    }

    private void Emit(bool isStandardError, ArrayBufferWriter<byte> line)
    {
        using (Utf8JsonWriter writer = new(_json))
        {
            writer.WriteStartObject();
            writer.WriteString("log"u8, Encoding.UTF8.GetString(line.WrittenSpan));
            writer.WriteString("stream"u8, isStandardError ? "stderr"u8 : "stdout"u8);
            writer.WriteString("time"u8, _time.GetUtcNow());
            writer.WriteEndObject();
        }

        _json.Write("\n"u8);
        line.Clear();
    }

    private void Flush()
    {
        _file.Write(_json.WrittenSpan);
        _json.Clear();
    }
}

/// <summary>Reads a log.</summary>
public static class ContainerLog
{
    private const int PollMilliseconds = 50;

    /// <summary>
    /// The lines of a log. <paramref name="tail"/> gives only the last ones. While <paramref name="isLive"/> says so,
    /// lines that are written later are awaited.
    /// </summary>
    public static async IAsyncEnumerable<ContainerLogLine> ReadAsync(
        string path,
        int? tail,
        Func<bool> isLive,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        JsonLineReader lines = new(file);
        Queue<ContainerLogLine> last = new();
        while (lines.TryRead(out ContainerLogLine? line))
        {
            if (tail is null)
            {
                yield return line!;
                continue;
            }

            last.Enqueue(line!);
            if (last.Count > tail)
            {
                last.Dequeue();
            }
        }

        foreach (ContainerLogLine line in last)
        {
            yield return line;
        }

        bool live = true;
        while (live)
        {
            // What was written before the end is read once more after it.
            live = isLive();
            while (lines.TryRead(out ContainerLogLine? line))
            {
                yield return line!;
            }

            if (live)
            {
                await Task.Delay(PollMilliseconds, cancellationToken);
            }
        }
    }

    /// <summary>Gives complete lines; an incomplete one is kept until its rest is there.</summary>
    private sealed class JsonLineReader(Stream file)
    {
        private byte[] _buffer = new byte[64 * 1024];
        private int _start;
        private int _end;

        public bool TryRead(out ContainerLogLine? line)
        {
            while (true)
            {
                int newline = _buffer.AsSpan(_start.._end).IndexOf((byte)'\n');
                if (newline >= 0)
                {
                    line = Parse(_buffer.AsSpan(_start, newline));
                    _start += newline + 1;
                    return true;
                }

                if (!Fill())
                {
                    line = null;
                    return false;
                }
            }
        }

        private bool Fill()
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            if (_end == _buffer.Length)
            {
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }

            int count = file.Read(_buffer, _end, _buffer.Length - _end);
            _end += count;
            return count > 0;
        }

        private static ContainerLogLine Parse(ReadOnlySpan<byte> json)
        {
            Utf8JsonReader reader = new(json);
            string text = "";
            bool isError = false;
            DateTimeOffset time = default;
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                string? name = reader.GetString();
                reader.Read();
                switch (name)
                {
                    case "log":
                        text = reader.GetString() ?? "";
                        break;
                    case "stream":
                        isError = reader.ValueTextEquals("stderr"u8);
                        break;
                    case "time":
                        time = reader.GetDateTimeOffset();
                        break;
                }
            }

            return new ContainerLogLine(time, isError, text);
        }
    }
}
