// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Executor.Sandbox.Isolation;

/// <summary>The rung on which commands run, and why not on a better one.</summary>
/// <param name="Rung">The rung; null when the machine allows none, which only a command that runs something minds.</param>
/// <param name="NotTaken">What was tried before and is not possible, best first.</param>
public sealed record IsolationChoice(IsolationRung? Rung, ImmutableArray<RungFinding> NotTaken)
{
    /// <summary>A rung that was not searched for.</summary>
    public static IsolationChoice Of(IsolationRung rung) => new(rung, []);

    /// <summary>The rung.</summary>
    /// <exception cref="SandboxException">There is none; the closed doors are named.</exception>
    public IsolationRung Require() => Rung ?? throw new SandboxException(
        $"find an isolation for commands: this machine allows none ({Reasons()})")
    {
        Hint = "builds without RUN need none; for RUN open one of these doors, or run as root",
    };

    /// <summary>One line: the rung, and the reason for each that was not taken.</summary>
    public string Describe()
    {
        string name = Rung is { } rung ? IsolationRungs.NameOf(rung) : "none";
        return NotTaken.IsEmpty ? $"isolation: {name}" : $"isolation: {name} ({Reasons()})";
    }

    /// <summary>Reads the text that <see cref="Format"/> made.</summary>
    internal static IsolationChoice Parse(string rung, string notTaken) => new(
        IsolationRungs.Parse(rung),
        [
            .. notTaken.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(": ", 2))
                .Where(parts => parts.Length == 2)
                .Select(parts => new RungFinding(IsolationRungs.Parse(parts[0])!.Value, false, parts[1])),
        ]);

    /// <summary>The rungs not taken as a text, to hand them to another process.</summary>
    internal string Format() => string.Join('\n', NotTaken.Select(Line));

    private string Reasons() => string.Join("; ", NotTaken.Select(Line));

    private static string Line(RungFinding finding) =>
        $"{IsolationRungs.NameOf(finding.Rung)}: {finding.Reason.ReplaceLineEndings(" ")}";
}
