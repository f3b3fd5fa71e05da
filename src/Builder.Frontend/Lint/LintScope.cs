// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend.Expansion;

namespace Builder.Frontend.Lint;

/// <summary>
/// Names and values as far as they are known without building. A stage begins with its base's: the two share what
/// neither changes.
/// </summary>
internal sealed class LintScope : IVariableScope
{
    private ImmutableDictionary<string, string> _values;

    public LintScope()
    {
        _values = ImmutableDictionary<string, string>.Empty;
    }

    public LintScope(LintScope other)
    {
        _values = other._values;
    }

    public IEnumerable<string> Names => _values.Keys;

    public string? Find(string name) => _values.GetValueOrDefault(name);

    public void Set(string name, string value) => _values = _values.SetItem(name, value);
}
