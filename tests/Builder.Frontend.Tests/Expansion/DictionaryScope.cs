// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;

namespace Builder.Frontend.Tests.Expansion;

internal sealed class DictionaryScope(Dictionary<string, string> values) : IVariableScope
{
    public string? Find(string name) => values.GetValueOrDefault(name);
}
