// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;

namespace Builder.Frontend.Lint;

/// <summary>Names and values as far as they are known without building.</summary>
internal sealed class LintScope : IVariableScope
{
    private readonly Dictionary<string, string> _values;

    public LintScope()
    {
        _values = new Dictionary<string, string>(StringComparer.Ordinal);
    }

    public LintScope(LintScope other)
    {
        _values = new Dictionary<string, string>(other._values, StringComparer.Ordinal);
    }

    public IEnumerable<string> Names => _values.Keys;

    public string? Find(string name) => _values.GetValueOrDefault(name);

    public void Set(string name, string value) => _values[name] = value;
}
