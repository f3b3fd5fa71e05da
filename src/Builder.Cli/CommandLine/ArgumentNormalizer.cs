// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Frontend;

namespace Builder.Cli.CommandLine;

/// <summary>
/// Reads arguments as docker does and rewrites them so that System.CommandLine can only read them one way: every
/// option as <c>--name=value</c>, then <c>--</c>, then the operands. Bundles (<c>-it</c>), attached values
/// (<c>-p80:80</c>), <c>--flag=false</c> and values that begin with a dash come out right.
/// </summary>
internal static class ArgumentNormalizer
{
    /// <summary>Normalises the arguments of one command.</summary>
    /// <param name="command">The command, with its options.</param>
    /// <param name="global">The options that every command takes.</param>
    /// <param name="arguments">What follows the verb.</param>
    /// <param name="stopsAtFirstOperand">Whatever follows the first operand belongs to it (run, exec).</param>
    /// <exception cref="UsageException">An unknown flag, or one without its value.</exception>
    public static List<string> Normalize(
        Command command, IEnumerable<Option> global, IReadOnlyList<string> arguments, bool stopsAtFirstOperand)
    {
        Dictionary<string, Option> options = new(StringComparer.Ordinal);
        foreach (Option option in global.Concat(command.Options))
        {
            options[option.Name] = option;
            foreach (string alias in option.Aliases)
            {
                options[alias] = option;
            }
        }

        Reader reader = new(command.Name, options, arguments);
        reader.ReadAll(stopsAtFirstOperand);
        return [.. reader.Flags, "--", .. reader.Operands];
    }

    /// <summary>True when an option is a switch: present or not, unless <c>=false</c> is attached.</summary>
    public static bool IsSwitch(Option option) =>
        option.ValueType == typeof(bool) || option.ValueType == typeof(bool?) || option.Arity.MaximumNumberOfValues == 0;

    private sealed class Reader(string command, Dictionary<string, Option> options, IReadOnlyList<string> arguments)
    {
        private readonly List<string[]> _flags = [];
        private readonly Dictionary<Option, int> _singles = [];
        private int _position;

        public IEnumerable<string> Flags => _flags.SelectMany(flag => flag);

        public List<string> Operands { get; } = [];

        public void ReadAll(bool stopsAtFirstOperand)
        {
            while (_position < arguments.Count)
            {
                string argument = arguments[_position++];
                if (argument == "--")
                {
                    TakeRest();
                }
                else if (argument.StartsWith("--", StringComparison.Ordinal))
                {
                    ReadLong(argument);
                }
                else if (argument.Length > 1 && argument[0] == '-')
                {
                    ReadShort(argument);
                }
                else
                {
                    Operands.Add(argument);
                    if (stopsAtFirstOperand)
                    {
                        TakeRest();
                    }
                }
            }
        }

        private void TakeRest()
        {
            Operands.AddRange(arguments.Skip(_position));
            _position = arguments.Count;
        }

        private void ReadLong(string argument)
        {
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument : argument[..equals];
            Option option = Find(name);
            if (equals >= 0)
            {
                Emit(option, argument[(equals + 1)..]);
            }
            else if (IsSwitch(option) || option.Arity.MinimumNumberOfValues == 0)
            {
                EmitBare(option);
            }
            else
            {
                Emit(option, TakeValue(name));
            }
        }

        private void ReadShort(string argument)
        {
            for (int i = 1; i < argument.Length; i++)
            {
                string name = $"-{argument[i]}";
                Option option = Find(name, argument);
                string rest = argument[(i + 1)..];
                if (IsSwitch(option) && !rest.StartsWith('='))
                {
                    EmitBare(option);
                    continue;
                }

                Emit(option, rest.Length == 0 ? TakeValue(name) : rest.StartsWith('=') ? rest[1..] : rest);
                return;
            }
        }

        private string TakeValue(string name) => _position < arguments.Count
            ? arguments[_position++]
            : throw new UsageException($"flag needs an argument: {name}");

        private void EmitBare(Option option) =>
            Add(option, option.Arity.MaximumNumberOfValues == 0 ? [option.Name] : [option.Name + "=true"]);

        /// <summary>Adds a flag; of an option with one value the last one given counts.</summary>
        private void Add(Option option, string[] flag)
        {
            if (option.Arity.MaximumNumberOfValues <= 1 && _singles.TryGetValue(option, out int known))
            {
                _flags[known] = flag;
                return;
            }

            _singles[option] = _flags.Count;
            _flags.Add(flag);
        }

        private void Emit(Option option, string value)
        {
            if (option.Arity.MaximumNumberOfValues == 0)
            {
                throw new UsageException($"flag takes no argument: {option.Name}");
            }

            if (IsSwitch(option) && !bool.TryParse(value, out _))
            {
                value = value switch
                {
                    "1" or "t" or "T" => "true",
                    "0" or "f" or "F" => "false",
                    _ => throw new UsageException($"invalid argument \"{value}\" for {option.Name}: not true or false"),
                };
            }

            Add(option, value.Length == 0 ? [option.Name, ""] : [$"{option.Name}={value}"]);
        }

        private Option Find(string name, string? bundle = null)
        {
            if (options.TryGetValue(name, out Option? option))
            {
                return option;
            }

            string shown = bundle is null ? name : $"'{name[1]}' in {bundle}";
            if (ForeignFlags.HintFor(command, name) is { } instead)
            {
                throw new UsageException($"{command} {name}: bld does not have this flag") { Hint = instead };
            }

            string? nearest = bundle is null ? Spelling.Suggest(name, options.Keys) : null;
            throw new UsageException($"unknown {(bundle is null ? "flag" : "shorthand flag")}: {shown}")
            {
                Hint = nearest is null ? $"run 'bld {command} --help' for a list" : $"did you mean {nearest}?",
            };
        }
    }
}
