// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Maintenance;

/// <summary>Collects what a check finds, and repairs when it may. Thread-safe.</summary>
internal sealed class CheckLog(bool repairs)
{
    private readonly Lock _lock = new();
    private readonly List<CheckedArea> _areas = [];
    private readonly List<StoreProblem> _problems = [];

    /// <summary>Everything so far, problems in the order of areas and subjects.</summary>
    public CheckResult ToResult() => new(
        [.. _areas],
        [.. _areas.SelectMany(area => _problems.Where(problem => problem.Area == area.Area)
            .OrderBy(problem => problem.Subject, StringComparer.Ordinal))]);

    /// <summary>Notes that an area is done.</summary>
    public void Finish(string area, int count, long bytes = 0)
    {
        lock (_lock)
        {
            _areas.Add(new CheckedArea(area, count, bytes));
        }
    }

    /// <summary>
    /// Notes a problem. <paramref name="repair"/> removes the thing or puts it aside; null when only a person can decide.
    /// </summary>
    public void Add(string area, string subject, string cause, string advice, Action? repair)
    {
        bool isRepaired = false;
        if (repairs && repair is not null)
        {
            try
            {
                repair();
                isRepaired = true;
            }
            catch (Exception failure) when (failure is BuildException or IOException or UnauthorizedAccessException)
            {
                cause = $"{cause}; it cannot be removed: {failure.Message}";
            }
        }

        lock (_lock)
        {
            _problems.Add(new StoreProblem(area, subject, cause, advice, isRepaired));
        }
    }
}
