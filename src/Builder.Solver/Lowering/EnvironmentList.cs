// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;

namespace Builder.Solver.Lowering;

/// <summary>
/// The variables at one point of a stage in the order in which they were first set: those of the base image, of ENV and
/// of ARG together, the last setting of a name winning whichever instruction it came from.
/// </summary>
internal sealed class EnvironmentList : IVariableScope
{
    private readonly List<KeyValuePair<string, string>> _variables;
    private readonly Dictionary<string, int> _positions;

    /// <summary>Creates an empty list.</summary>
    public EnvironmentList()
    {
        _variables = [];
        _positions = new Dictionary<string, int>(StringComparer.Ordinal);
    }

    /// <summary>Creates a copy that is changed independently.</summary>
    public EnvironmentList(EnvironmentList other)
    {
        _variables = [.. other._variables];
        _positions = new Dictionary<string, int>(other._positions, StringComparer.Ordinal);
    }

    /// <summary>The names in order.</summary>
    public IEnumerable<string> Names => _variables.Select(variable => variable.Key);

    /// <inheritdoc/>
    public string? Find(string name) => _positions.TryGetValue(name, out int at) ? _variables[at].Value : null;

    /// <summary>Sets a variable; a known one keeps its place.</summary>
    public void Set(string name, string value)
    {
        if (_positions.TryGetValue(name, out int at))
        {
            _variables[at] = new KeyValuePair<string, string>(name, value);
            return;
        }

        _positions.Add(name, _variables.Count);
        _variables.Add(new KeyValuePair<string, string>(name, value));
    }

    /// <summary>Sets what an image config's Env says.</summary>
    public void SetAll(ImmutableArray<string> environment)
    {
        foreach (string entry in environment)
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            Set(equals < 0 ? entry : entry[..equals], equals < 0 ? "" : entry[(equals + 1)..]);
        }
    }

    /// <summary>Forgets a variable.</summary>
    public void Remove(string name)
    {
        if (!_positions.Remove(name, out int at))
        {
            return;
        }

        _variables.RemoveAt(at);
        for (int i = at; i < _variables.Count; i++)
        {
            _positions[_variables[i].Key] = i;
        }
    }

    /// <summary>"NAME=VALUE" in order.</summary>
    public ImmutableArray<string> ToEnvironment() =>
        [.. _variables.Select(variable => $"{variable.Key}={variable.Value}")];
}
