// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Parsing;

namespace Builder.Frontend.Instructions;

/// <summary>
/// One <c>--device</c> of RUN after expansion: <c>VENDOR/CLASS[=NAME][,required]</c>, or <c>name=VENDOR/CLASS=NAME</c>.
/// Source: Dockerfile reference, "RUN --device".
/// </summary>
/// <param name="Name">The device as it is asked for; its kind alone is the first of that kind, NAME <c>*</c> all of it.</param>
/// <param name="Required">The step fails when the machine has no such device; otherwise it runs without.</param>
public sealed record RunDevice(string Name, bool Required)
{
    /// <summary>Reads the value of a flag.</summary>
    /// <exception cref="FormatException">It is malformed.</exception>
    public static RunDevice Parse(string value)
    {
        string? name = null;
        bool required = false;
        foreach (string field in CsvRecord.Parse(value, "device"))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            string key = (equals < 0 ? field : field[..equals]).ToLowerInvariant();
            string? option = equals < 0 ? null : field[(equals + 1)..];
            switch (key)
            {
                case "required":
                    required = option is null || ParseBool(option);
                    break;
                case "name" when option is not null:
                    name = name is null
                        ? option
                        : throw new FormatException($"device name already set to {name}");
                    break;
                default:
                    name = name is null ? field : throw Unexpected(field, key, option);
                    break;
            }
        }

        return string.IsNullOrEmpty(name)
            ? throw new FormatException("the device has no name")
            : CheckName(name) is { } wrong
                ? throw new FormatException($"invalid device \"{name}\": {wrong}")
                : new RunDevice(name, required);
    }

    private static FormatException Unexpected(string field, string key, string? option) => new(
        option is null
            ? $"invalid field '{field}' must be a key=value pair"
            : $"unexpected key '{key}' in '{field}': it is name or required");

    private static bool ParseBool(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "True" or "TRUE" => true,
        "0" or "f" or "F" or "false" or "False" or "FALSE" => false,
        _ => throw new FormatException($"invalid value for required: {text}"),
    };

    private static string? CheckName(string name)
    {
        int equals = name.IndexOf('=', StringComparison.Ordinal);
        string kind = equals < 0 ? name : name[..equals];
        string[] parts = kind.Split('/');
        return parts.Length != 2 ? "a device is VENDOR/CLASS=NAME, for instance nvidia.com/gpu=0"
            : !IsLabel(parts[0], dots: true) ? $"\"{parts[0]}\" is no vendor"
            : !IsLabel(parts[1], dots: false) ? $"\"{parts[1]}\" is no class"
            : equals == name.Length - 1 ? "the name is empty"
            : null;
    }

    private static bool IsLabel(string text, bool dots) =>
        text.Length > 0
        && char.IsAsciiLetter(text[0])
        && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (dots && c == '.'));
}
