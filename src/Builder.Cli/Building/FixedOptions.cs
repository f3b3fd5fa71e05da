// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;

namespace Builder.Cli.Building;

/// <summary>
/// Options that scripts pass to docker and that have one possible answer here: the value that is true of bld anyway is
/// taken, any other is refused.
/// </summary>
internal static class FixedOptions
{
    private static readonly (Option Option, string Accepted, string Hint)[] s_options =
    [
        (Text("--builder"), "default", "bld has no builder instances: leave it out"),
        (Text("--provenance"), "false", "bld makes no attestations: pass --provenance=false"),
        (Text("--sbom"), "false", "bld makes no attestations: scan the image, or what -o type=local writes"),
        (Switch("--rm"), "true", "bld never keeps the containers of steps: leave it out"),
        (Switch("--force-rm"), "true", "bld never keeps the containers of steps: leave it out"),
        (Switch("--disable-content-trust"), "true", "name base images by digest: FROM NAME@sha256:..."),
        (Switch("--layers"), "true", "use --no-cache"),
        (Switch("--compress"), "true", "the context is not sent anywhere: leave it out"),
    ];

    /// <summary>Adds them to the command, out of sight.</summary>
    public static void AddTo(Command command)
    {
        foreach ((Option option, _, _) in s_options)
        {
            command.Add(option);
        }
    }

    /// <summary>Refuses values that bld cannot honour.</summary>
    /// <exception cref="UsageException">There is one.</exception>
    public static void Check(ParseResult parsed)
    {
        foreach ((Option option, string accepted, string hint) in s_options)
        {
            string? value = option switch
            {
                Option<bool> flag when parsed.GetResult(flag) is { Implicit: false } => parsed.GetValue(flag) ? "true" : "false",
                Option<string?> text => parsed.GetValue(text),
                _ => null,
            };
            if (value is not null && value != accepted)
            {
                throw new UsageException($"{option.Name}={value} is not supported") { Hint = hint };
            }
        }
    }

    private static Option<string?> Text(string name)
    {
        Option<string?> option = OptionFactory.Text(name, "VALUE", "");
        option.Hidden = true;
        return option;
    }

    private static Option<bool> Switch(string name)
    {
        Option<bool> option = OptionFactory.Flag(name, "");
        option.Hidden = true;
        return option;
    }
}
