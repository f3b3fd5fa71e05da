// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Expansion;
using Builder.Frontend.Instructions;
using Builder.Frontend.Naming;

namespace Builder.Frontend.Lint;

/// <summary>What FROM sees: the platform args and the ARGs before the first FROM.</summary>
internal sealed class GlobalScope
{
    private GlobalScope(LintScope values, HashSet<string> declared)
    {
        Values = values;
        Declared = declared;
    }

    /// <summary>Names with values.</summary>
    public LintScope Values { get; }

    /// <summary>All names declared, also those without a value.</summary>
    public HashSet<string> Declared { get; }

    /// <summary>Evaluates the global ARGs; <paramref name="withBuildArgs"/> false takes their defaults.</summary>
    public static GlobalScope Create(
        Dockerfile dockerfile, LintOptions options, WordExpander expander, bool withBuildArgs)
    {
        var values = new LintScope();
        foreach ((string name, string value) in PlatformArgs(dockerfile, options))
        {
            values.Set(name, options.BuildArgs.GetValueOrDefault(name, value));
        }

        var declared = new HashSet<string>(values.Names, StringComparer.Ordinal);
        foreach (KeyValueWord definition in dockerfile.GlobalArgs.SelectMany(arg => arg.Definitions))
        {
            string name = definition.Key.Text;
            declared.Add(name);
            string? value = withBuildArgs && options.BuildArgs.TryGetValue(name, out string? given)
                ? given
                : definition.Value is { } word ? expander.TryExpand(word.Text, values) : null;
            if (value is not null)
            {
                values.Set(name, value);
            }
        }

        return new GlobalScope(values, declared);
    }

    private static IEnumerable<(string Name, string Value)> PlatformArgs(Dockerfile dockerfile, LintOptions options)
    {
        foreach ((string prefix, Platform platform) in new[]
                 {
                     ("BUILD", options.BuildPlatform),
                     ("TARGET", options.TargetPlatform),
                 })
        {
            yield return (prefix + "PLATFORM", platform.ToString());
            yield return (prefix + "OS", platform.Os);
            yield return (prefix + "OSVERSION", platform.OsVersion ?? "");
            yield return (prefix + "ARCH", platform.Architecture);
            yield return (prefix + "VARIANT", platform.Variant ?? "");
        }

        yield return ("TARGETSTAGE", options.Target ?? dockerfile.Stages[^1].Name ?? "default");
    }
}
