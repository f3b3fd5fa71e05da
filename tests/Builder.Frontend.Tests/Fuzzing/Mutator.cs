// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Tests.Fuzzing;

/// <summary>Makes texts that are nearly right: pieces of the seeds, moved, doubled, cut and spiced with words of the language.</summary>
internal sealed class Mutator
{
    private const int MaxLength = 16_000;
    private const int MaxRepeats = 300;

    private static readonly string[] s_words =
    [
        "\n", "\r\n", "\\\n", "`\n", "\\", "`", " ", "\t", "#", "\"", "'", "$", "${", "}", "$(", "\0", "\uFEFF", "é", "😀",
        "<<EOF", "<<-EOF", "<<'EOF'", "<<\"E\"OF", "\nEOF\n", "3<<EOF", "<<", "=", "==", "--", "[", "]", "{", "[\"a\",\"b\"]",
        "[\"\\u0000\"]", "// syntax=", "# escape=`\n", "# check=skip=all\n", "# check=error=true\n", "#!/bin/sh\n",
        "{\"syntax\":\"x\"}", "FROM scratch\n", "FROM a AS b\n", "from $x as Y\n", "RUN ", "COPY ", "ADD ", "ENV ", "ARG ",
        "LABEL ", "EXPOSE ", "USER ", "WORKDIR ", "VOLUME ", "CMD ", "ENTRYPOINT ", "SHELL [\"x\"]\n", "STOPSIGNAL ",
        "HEALTHCHECK ", "HEALTHCHECK NONE\n", "ONBUILD ", "ONBUILD ONBUILD ", "MAINTAINER ", "--from=", "--mount=type=",
        "--mount=type=cache,target=/x,sharing=private", "--mount=type=secret,id=a,env=B,mode=0400", "--chown=", "--chmod=u+rwX,go-w",
        "--link", "--parents", "--exclude=", "--checksum=sha256:", "--network=none", "--security=insecure", "--platform=linux/arm64/v8",
        "--interval=1h2m3s4ms", "--retries=-1", "${x:-", "${x:+${y}}", "${x#*", "${x##", "${x%%*}", "${x/a/b}", "${x//*/", "${x:?",
        "$x", "$1", "$@", "80-90/tcp", "80-70", "65536", "127.0.0.1:80:80", "99999999999999999999", "!", "**", "*", "?", "[a-z]", "[^", "\\*",
        "../", "./", "//", "/./", "docker.io/library/a:b@sha256:", "tmpfs", "size=1k", "uid=", "ro=maybe", "type=", ",",
    ];

    private readonly Random _random;
    private readonly List<string> _pool;

    public Mutator(int seed, IEnumerable<string> seeds)
    {
        _random = new Random(seed);
        _pool = [.. seeds];
    }

    /// <summary>Adds a text that led somewhere new.</summary>
    public void Keep(string text)
    {
        const int MaxPool = 4000;
        if (_pool.Count < MaxPool)
        {
            _pool.Add(text);
        }
        else
        {
            _pool[_random.Next(MaxPool)] = text;
        }
    }

    /// <summary>The next text.</summary>
    public string Next()
    {
        string text = Pick();
        for (int i = _random.Next(1, 6); i > 0; i--)
        {
            text = Mutate(text);
        }

        // Through UTF-8, as every text comes: it has no halves of surrogate pairs.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Length <= MaxLength ? text : text[..MaxLength]));
    }

    private string Mutate(string text)
    {
        (int start, int end) = Range(text);
        return _random.Next(10) switch
        {
            0 => text.Remove(start, end - start),
            1 => text.Insert(start, text[start..end]),
            2 or 3 or 4 => text.Insert(start, Word()),
            5 => string.Concat(text.AsSpan(0, start), Word(), text.AsSpan(end)),
            6 => string.Concat(text.AsSpan(0, start), Slice(Pick()), text.AsSpan(end)),
            7 => text.Insert(start, Repeat(_random.Next(2) == 0 ? Word() : Shorten(text[start..end]))),
            8 => text.Length == 0 ? Word() : Replace(text, start),
            _ => Lines(text),
        };
    }

    private string Pick() => _pool.Count == 0 ? Word() : _pool[_random.Next(_pool.Count)];

    private string Word() => s_words[_random.Next(s_words.Length)];

    private string Repeat(string text) => string.Concat(Enumerable.Repeat(text, _random.Next(2, MaxRepeats)));

    private string Slice(string text)
    {
        (int start, int end) = Range(text);
        return text[start..end];
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40];

    private string Replace(string text, int at)
    {
        at = Math.Min(at, text.Length - 1);
        char other = (char)(_random.Next(20) == 0 ? _random.Next(0x10000) : _random.Next(0x80));
        return string.Concat(text.AsSpan(0, at), [other], text.AsSpan(at + 1));
    }

    /// <summary>Moves a line somewhere else.</summary>
    private string Lines(string text)
    {
        List<string> lines = [.. text.Split('\n')];
        string line = lines[_random.Next(lines.Count)];
        lines.Remove(line);
        lines.Insert(_random.Next(lines.Count + 1), line);
        return string.Join('\n', lines);
    }

    private (int Start, int End) Range(string text)
    {
        int start = _random.Next(text.Length + 1);
        int length = _random.Next(4) == 0 ? text.Length : 30;
        return (start, Math.Min(text.Length, start + _random.Next(length + 1)));
    }
}
