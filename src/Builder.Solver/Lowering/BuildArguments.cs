// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Frontend;
using Builder.Frontend.Instructions;

namespace Builder.Solver.Lowering;

/// <summary>The values of <c>--build-arg</c>: the last one of a name wins.</summary>
internal sealed class BuildArguments
{
    /// <summary>The build arg that fixes times.</summary>
    public const string SourceDateEpoch = "SOURCE_DATE_EPOCH";

    private static readonly string[] s_proxies = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Takes the values of a request; its own epoch stands in where no build arg gives one.</summary>
    public BuildArguments(BuildRequest request)
    {
        foreach (KeyValuePair<string, string> argument in request.BuildArgs)
        {
            _values[argument.Key] = argument.Value;
        }

        if (request.SourceDateEpoch is not null)
        {
            _values.TryAdd(SourceDateEpoch, request.SourceDateEpoch);
        }

        UnkeyedEnvironment = ProxyVariables();
    }

    /// <summary>
    /// The proxy variables in both cases of their names: commands see them although no ARG declares them, and no key or
    /// history holds them.
    /// </summary>
    public ImmutableArray<string> UnkeyedEnvironment { get; }

    /// <summary>The value given, or null.</summary>
    public string? Find(string name) => _values.GetValueOrDefault(name);

    /// <summary>Replaces a value that was given by what it was resolved to; null takes it away.</summary>
    public void Replace(string name, string? value)
    {
        if (value is null)
        {
            _values.Remove(name);
        }
        else if (_values.ContainsKey(name))
        {
            _values[name] = value;
        }
    }

    /// <summary>The names that no ARG of the Dockerfile declares and that mean nothing by themselves, sorted.</summary>
    public ImmutableArray<string> FindUnused(Dockerfile dockerfile, IEnumerable<Instruction> triggers)
    {
        HashSet<string> unused = [.. _values.Keys.Where(name => !IsPredefined(name))];
        if (unused.Count == 0)
        {
            return [];
        }

        IEnumerable<Instruction> instructions = dockerfile.Stages.SelectMany(stage => stage.Instructions);
        foreach (ArgInstruction declaration in
            dockerfile.GlobalArgs.Concat<Instruction>(instructions).Concat(triggers).Select(Declaration).OfType<ArgInstruction>())
        {
            foreach (KeyValueWord definition in declaration.Definitions)
            {
                unused.Remove(definition.Key.Text);
            }
        }

        return [.. unused.Order(StringComparer.Ordinal)];
    }

    private static Instruction Declaration(Instruction instruction) =>
        instruction is OnBuildInstruction onBuild ? onBuild.Trigger : instruction;

    private static bool IsPredefined(string name) =>
        name == SourceDateEpoch
        || name.StartsWith("BUILDKIT_", StringComparison.Ordinal)
        || GlobalArguments.IsPlatformArgument(name)
        || s_proxies.Contains(name, StringComparer.OrdinalIgnoreCase);

    private ImmutableArray<string> ProxyVariables()
    {
        ImmutableArray<string>.Builder variables = ImmutableArray.CreateBuilder<string>();
        foreach (string proxy in s_proxies)
        {
            string? value = null;
            foreach (KeyValuePair<string, string> argument in _values.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                value = string.Equals(argument.Key, proxy, StringComparison.OrdinalIgnoreCase) ? argument.Value : value;
            }

            if (value is not null)
            {
                variables.Add($"{proxy}={value}");
                variables.Add($"{proxy.ToLowerInvariant()}={value}");
            }
        }

        return variables.ToImmutable();
    }
}
