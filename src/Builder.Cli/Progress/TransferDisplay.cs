// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.Output;
using Builder.Executor.Images;

namespace Builder.Cli.Progress;

/// <summary>Shows the transfers of a pull or push: a line for each that is finished, and on a terminal the sum of the rest.</summary>
internal sealed class TransferDisplay(CliContext cli, bool quiet) : IDisposable
{
    private const int RedrawMilliseconds = 100;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TransferProgress> _running = new(StringComparer.Ordinal);
    private long _drawn;
    private bool _hasStatus;

    /// <summary>Takes note of a transfer; called from several threads.</summary>
    public void Observe(TransferProgress progress)
    {
        if (quiet)
        {
            return;
        }

        lock (_lock)
        {
            if (progress.IsDone)
            {
                _running.Remove(progress.Item);
                ClearStatus();
                cli.Error.WriteLine($"{HumanText.ShortId(progress.Item)}: {Describe(progress)}");
            }
            else
            {
                _running[progress.Item] = progress;
            }

            DrawStatus();
        }
    }

    /// <summary>Takes the status line away.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            ClearStatus();
            cli.Error.Flush();
        }
    }

    private static string Describe(TransferProgress progress) => progress.Action switch
    {
        TransferAction.Download => $"Pull complete ({HumanText.Size(progress.TotalBytes)})",
        TransferAction.Upload => $"Pushed ({HumanText.Size(progress.TotalBytes)})",
        TransferAction.Compress => $"Compressed ({HumanText.Size(progress.TotalBytes)})",
        TransferAction.Mounted => "Mounted from another repository",
        _ => "Layer already exists",
    };

    private void DrawStatus()
    {
        if (!cli.IsErrorTerminal || _running.Count == 0 || Environment.TickCount64 - _drawn < RedrawMilliseconds)
        {
            return;
        }

        _drawn = Environment.TickCount64;
        ClearStatus();
        long current = _running.Values.Sum(transfer => transfer.CurrentBytes);
        long total = _running.Values.Sum(transfer => transfer.TotalBytes);
        cli.Error.Write($"{_running.Count} transfers, {HumanText.Size(current)} of {HumanText.Size(total)}");
        cli.Error.Flush();
        _hasStatus = true;
    }

    private void ClearStatus()
    {
        if (_hasStatus)
        {
            cli.Error.Write("\r\e[K");
            _hasStatus = false;
        }
    }
}
