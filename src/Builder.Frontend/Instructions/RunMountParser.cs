// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend.Parsing;

namespace Builder.Frontend.Instructions;

/// <summary>Parses the value of <c>RUN --mount</c>.</summary>
public static class RunMountParser
{
    private static readonly string[] s_keys =
    [
        "type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id",
        "sharing", "required", "mode", "uid", "gid", "size", "env",
    ];

    private static readonly (string Name, RunMountType Type)[] s_types =
    [
        ("bind", RunMountType.Bind),
        ("cache", RunMountType.Cache),
        ("tmpfs", RunMountType.Tmpfs),
        ("secret", RunMountType.Secret),
        ("ssh", RunMountType.Ssh),
    ];

    private static readonly (string Name, CacheSharing Sharing)[] s_sharings =
    [
        ("shared", CacheSharing.Shared),
        ("private", CacheSharing.Private),
        ("locked", CacheSharing.Locked),
    ];

    /// <summary>Parses a value such as <c>type=cache,target=/x</c> (a CSV record of options) that needs no expansion.</summary>
    /// <exception cref="FormatException">The message says which option is wrong, with a suggestion where one is near.</exception>
    public static RunMount Parse(string value) => Parse(value, static text => text);

    /// <summary>
    /// Parses a value as written and expands the value of every option: a comma that comes out of a variable does not
    /// begin another option.
    /// </summary>
    /// <exception cref="FormatException">The message says which option is wrong, with a suggestion where one is near.</exception>
    public static RunMount Parse(string value, Func<string, string> expand)
    {
        var draft = new RunMountDraft();
        foreach (string field in CsvRecord.Parse(value))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            string key = (equals < 0 ? field : field[..equals]).ToLowerInvariant();
            string? expanded = equals < 0 ? null : expand(field[(equals + 1)..]);
            try
            {
                Apply(draft, key, expanded, field);
            }
            catch (FormatException exception)
            {
                throw new MountOptionException(exception.Message, field);
            }
        }

        return draft.Complete();
    }

    private static void Apply(RunMountDraft draft, string key, string? value, string field)
    {
        if (value is null)
        {
            ApplyFlag(draft, key, field);
        }
        else
        {
            ApplyValue(draft, key, value, field);
        }
    }

    private static void ApplyFlag(RunMountDraft draft, string key, string field)
    {
        switch (key)
        {
            case "readonly" or "ro":
                draft.ReadWrite = false;
                break;
            case "readwrite" or "rw":
                draft.ReadWrite = true;
                break;
            case "required":
                draft.SetRequired(key, true);
                break;
            default:
                throw new FormatException($"invalid field '{field}' must be a key=value pair{DidYouMean(key, s_keys)}");
        }
    }

    private static void ApplyValue(RunMountDraft draft, string key, string value, string field)
    {
        switch (key)
        {
            case "type":
                draft.Type = Choose(value, s_types, "unsupported mount type");
                break;
            case "from":
                draft.From = NullIfEmpty(value);
                break;
            case "source" or "src":
                draft.Source = NullIfEmpty(value);
                break;
            case "target" or "dst" or "destination":
                draft.Target = NullIfEmpty(value);
                break;
            case "readonly" or "ro":
                draft.ReadWrite = !Boolean(key, value);
                break;
            case "readwrite" or "rw":
                draft.ReadWrite = Boolean(key, value);
                break;
            case "required":
                draft.SetRequired(key, Boolean(key, value));
                break;
            case "size":
                draft.SetSize(key, ByteSize.TryParse(value, out long size)
                    ? size
                    : throw new FormatException($"invalid value for {key}: {value}"));
                break;
            case "id":
                draft.Id = NullIfEmpty(value);
                break;
            case "sharing":
                draft.Sharing = Choose(value, s_sharings, "unsupported sharing value");
                break;
            case "mode":
                draft.Mode = Mode(value);
                break;
            case "uid":
                draft.UserId = Number(key, value);
                break;
            case "gid":
                draft.GroupId = Number(key, value);
                break;
            case "env":
                draft.EnvironmentVariable = NullIfEmpty(value);
                break;
            default:
                throw new FormatException($"unexpected key '{key}' in '{field}'{DidYouMean(key, s_keys)}");
        }
    }

    private static string? NullIfEmpty(string value) => value.Length == 0 ? null : value;

    private static T Choose<T>(string value, (string Name, T Value)[] choices, string complaint)
    {
        foreach ((string name, T choice) in choices)
        {
            if (value.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return choice;
            }
        }

        string[] names = [.. choices.Select(static choice => choice.Name)];
        throw new FormatException($"{complaint} \"{value}\"{DidYouMean(value, names)}");
    }

    /// <summary>Source: Go's strconv.ParseBool.</summary>
    private static bool Boolean(string key, string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new FormatException($"invalid value for {key}: {value}"),
    };

    private static int Mode(string value)
    {
        const int MaxMode = 0xFFF; // 07777
        int mode = 0;
        foreach (char digit in value)
        {
            mode = digit is >= '0' and <= '7' && mode <= MaxMode ? (mode * 8) + (digit - '0') : MaxMode + 1;
        }

        return value.Length > 0 && mode <= MaxMode ? mode : throw new FormatException($"invalid value {value} for mode");
    }

    private static uint Number(string key, string value) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint number)
            ? number
            : throw new FormatException($"invalid value {value} for {key}");

    private static string DidYouMean(string word, string[] candidates) =>
        Spelling.Suggest(word, candidates, ignoreCase: true) is { } suggestion ? $" (did you mean {suggestion}?)" : "";
}
