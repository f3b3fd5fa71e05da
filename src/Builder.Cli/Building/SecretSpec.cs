// SPDX-License-Identifier: Apache-2.0

using Builder.Cli.CommandLine;

namespace Builder.Cli.Building;

/// <summary>One <c>--secret id=ID[,src=FILE|env=NAME]</c>; the value is read when a step needs it.</summary>
/// <param name="Id">The id that steps use.</param>
/// <param name="File">The file that holds it, or null.</param>
/// <param name="Variable">The variable that holds it, or null.</param>
internal sealed record SecretSpec(string Id, string? File, string? Variable)
{
    /// <summary>Parses the option's value; without a source it is the variable ID if set, else the file ID.</summary>
    /// <exception cref="UsageException">Malformed.</exception>
    public static SecretSpec Parse(string text, Func<string, string?> variable)
    {
        string? id = null;
        string? source = null;
        string? name = null;
        string? type = null;
        foreach ((string key, string? value) in OptionValues.ParseFields(text))
        {
            switch (key)
            {
                case "id":
                    id = value;
                    break;
                case "src" or "source" or "file":
                    source = value;
                    break;
                case "env":
                    name = value;
                    break;
                case "type" when value is "file" or "env":
                    type = value;
                    break;
                default:
                    throw Invalid(text, $"unknown field {key}");
            }
        }

        if (id is null or "")
        {
            throw Invalid(text, "id is missing");
        }

        return (type, source, name) switch
        {
            ("env", _, _) => new SecretSpec(id, null, name ?? source ?? id),
            (_, not null, null) => new SecretSpec(id, source, null),
            (null, null, not null) => new SecretSpec(id, null, name),
            (_, not null, not null) => throw Invalid(text, "src and env exclude each other"),
            (null, null, null) when variable(id) is not null => new SecretSpec(id, null, id),
            _ => new SecretSpec(id, id, null),
        };
    }

    private static UsageException Invalid(string text, string cause) =>
        new($"secret \"{text}\": {cause}") { Hint = "id=ID,src=FILE or id=ID,env=NAME" };
}
