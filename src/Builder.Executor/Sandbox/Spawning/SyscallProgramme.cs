// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Builder.Executor.Interop;
using Microsoft.Win32.SafeHandles;

namespace Builder.Executor.Sandbox.Spawning;

/// <summary>
/// What a new process does between clone(2) and execve(2), as data: rows of system calls that the stub walks in order.
/// It is made by small functions, can be printed, and lives in memory outside the garbage-collected heap, because the
/// child shares that memory until it executes. One programme starts one process.
/// </summary>
internal sealed unsafe class SyscallProgramme : IDisposable
{
    private const int LowestErrorDescriptor = 10;

    private readonly List<ProgrammeRow> _rows = [];
    private readonly List<nint> _blocks = [];

    /// <summary>Makes an empty programme.</summary>
    public SyscallProgramme()
    {
        Header = Block(sizeof(StubHeader));
        (SafeFileHandle read, SafeFileHandle write) = Libc.CreatePipe();
        ErrorRead = read;
        using (write)
        {
            // Away from the low numbers, which the child arranges.
            ErrorWrite = Libc.Duplicate(write, LowestErrorDescriptor);
        }
    }

    /// <summary>The pipe on which the child reports a failure: this process's end.</summary>
    public SafeFileHandle ErrorRead { get; }

    /// <summary>The child's end; closed here once it has been started.</summary>
    public SafeFileHandle ErrorWrite { get; }

    /// <summary>The number of the child's end of the error pipe.</summary>
    public int ErrorDescriptor => (int)ErrorWrite.DangerousGetHandle();

    /// <summary>What the stub is called with.</summary>
    public nint Header { get; }

    /// <summary>Where the child finds the descriptor on which it reports a failure; a row may change it.</summary>
    public nint ErrorDescriptorSlot => (nint)(&((StubHeader*)Header)->ErrorDescriptor);

    /// <summary>
    /// Where a clone row puts the id of the process that goes on in the first one's place, or 0: the programme ends in
    /// the process that was cloned.
    /// </summary>
    public nint ChildPidSlot { get; set; }

    /// <summary>Who waits for the process instead of this one, or null.</summary>
    public IProcessEnd? End { get; init; }

    /// <summary>Namespaces to make: CLONE_NEW* flags for clone(2).</summary>
    public ulong CloneFlags { get; set; }

    /// <summary>How many rows there are; the index of the next one.</summary>
    public int Count => _rows.Count;

    /// <summary>The rows, for tests and for printing.</summary>
    public IReadOnlyList<ProgrammeRow> Rows => _rows;

    /// <summary>Appends a call; its failure ends the child and is reported by <paramref name="label"/>.</summary>
    public int Add(
        string label, Syscall call, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0)
    {
        _rows.Add(new ProgrammeRow(label, call, [a0, a1, a2, a3, a4, a5]));
        return _rows.Count - 1;
    }

    /// <summary>Appends a call whose failure does not matter.</summary>
    public int Try(
        string label, Syscall call, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0)
    {
        _rows.Add(new ProgrammeRow(label, call, [a0, a1, a2, a3, a4, a5]) { MayFail = true });
        return _rows.Count - 1;
    }

    /// <summary>Changes a row that was appended: where its result goes, what is skipped after it.</summary>
    public void Change(int row, Func<ProgrammeRow, ProgrammeRow> change) => _rows[row] = change(_rows[row]);

    /// <summary>Makes the result of one row an argument of a later one.</summary>
    public void ForwardResult(int row, int laterRow, int argument) =>
        Change(row, r => r with { ForwardTo = (laterRow, argument) });

    /// <summary>A zero-terminated copy of a text that lives as long as the programme.</summary>
    public nint Text(string text) => Bytes(Solver.Files.PathEncoding.Encode(text), zeroTerminated: true);

    /// <summary>A copy of bytes that lives as long as the programme.</summary>
    public nint Bytes(ReadOnlySpan<byte> bytes, bool zeroTerminated = false)
    {
        nint block = Block(bytes.Length + (zeroTerminated ? 1 : 0));
        bytes.CopyTo(new Span<byte>((void*)block, bytes.Length));
        return block;
    }

    /// <summary>Zeroed memory that lives as long as the programme.</summary>
    public nint Block(int size)
    {
        nint block = (nint)NativeMemory.AllocZeroed((nuint)Math.Max(size, 8));
        _blocks.Add(block);
        return block;
    }

    /// <summary>A zero-terminated array of texts, as execve(2) takes them.</summary>
    public nint TextArray(IReadOnlyList<string> texts)
    {
        nint array = Block((texts.Count + 1) * sizeof(nint));
        for (int i = 0; i < texts.Count; i++)
        {
            ((nint*)array)[i] = Text(texts[i]);
        }

        return array;
    }

    /// <summary>A place for a result, to be read by the parent while the child has not executed yet.</summary>
    public nint ResultSlot() => Block(sizeof(long));

    /// <summary>The table that the stub walks.</summary>
    public nint Seal()
    {
        var rows = (StubRow*)Block(Math.Max(_rows.Count, 1) * sizeof(StubRow));
        for (int i = 0; i < _rows.Count; i++)
        {
            ProgrammeRow row = _rows[i];
            rows[i] = new StubRow
            {
                Number = row.Call.Number,
                A0 = row.Arguments[0],
                A1 = row.Arguments[1],
                A2 = row.Arguments[2],
                A3 = row.Arguments[3],
                A4 = row.Arguments[4],
                A5 = row.Arguments[5],
                Result = row.ForwardTo is (int later, int argument)
                    ? (nint)(&rows[later].A0 + argument)
                    : row.Result,
                Flags = (row.MayFail ? StubRow.MayFail : 0) | (row.EndsParent ? StubRow.EndsParent : 0),
                SkipOnSuccess = row.SkipOnSuccess,
                SkipOnError = row.SkipOnError,
            };
        }

        return (nint)rows;
    }

    /// <summary>One line a row: its index, its label, the call.</summary>
    public string Print()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"clone flags 0x{CloneFlags:x}\n");
        for (int i = 0; i < _rows.Count; i++)
        {
            ProgrammeRow row = _rows[i];
            text.Append(CultureInfo.InvariantCulture, $"{i,3} {row.Call.Name,-14} {row.Label}");
            text.Append(row.MayFail ? " (may fail)" : "").Append('\n');
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint block in _blocks)
        {
            NativeMemory.Free((void*)block);
        }

        _blocks.Clear();
        ErrorRead.Dispose();
        ErrorWrite.Dispose();
    }
}
