// SPDX-License-Identifier: Apache-2.0

using System.Globalization;

namespace Builder.Executor.Running;

/// <summary>What a mount of a container shows.</summary>
public enum ContainerMountKind
{
    /// <summary>A directory or file of the host.</summary>
    Bind,

    /// <summary>A volume: a directory that bld keeps.</summary>
    Volume,

    /// <summary>Memory.</summary>
    Tmpfs,
}

/// <summary>A mount of a container, parsed from <c>-v</c>, <c>--mount</c> or <c>--tmpfs</c>.</summary>
public sealed record ContainerMount
{
    /// <summary>What it shows.</summary>
    public required ContainerMountKind Kind { get; init; }

    /// <summary>Bind: an absolute path of the host. Volume: its name; "" for an anonymous one. Tmpfs: "".</summary>
    public string Source { get; init; } = "";

    /// <summary>The absolute path inside.</summary>
    public required string Target { get; init; }

    /// <summary>The container may not write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Bind: a missing source is made as a directory (<c>-v</c>) instead of being an error.</summary>
    public bool CreateSource { get; init; }

    /// <summary>Volume: an empty one is not filled from the image.</summary>
    public bool NoCopy { get; init; }

    /// <summary>Tmpfs: its size limit; 0 for none.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Tmpfs: its mode.</summary>
    public int Mode { get; init; } = 0x3ff; // 01777

    /// <summary>Parses <c>-v [SOURCE:]TARGET[:OPTIONS]</c>; a relative source counts from <paramref name="here"/>.</summary>
    /// <exception cref="RunException">Malformed.</exception>
    public static ContainerMount ParseVolume(string text, string here)
    {
        string[] parts = text.Split(':');
        if (parts.Length > 3 || parts.Any(part => part.Length == 0))
        {
            throw Invalid("volume", text, "expected [SOURCE:]TARGET[:OPTIONS]");
        }

        string target = CheckTarget("volume", text, parts.Length == 1 ? parts[0] : parts[1]);
        if (parts.Length == 1)
        {
            return new ContainerMount { Kind = ContainerMountKind.Volume, Target = target };
        }

        bool isPath = parts[0][0] is '/' or '.' or '~';
        ContainerMount mount = new()
        {
            Kind = isPath ? ContainerMountKind.Bind : ContainerMountKind.Volume,
            Source = isPath ? Path.GetFullPath(parts[0], here) : CheckVolumeName(parts[0]),
            Target = target,
            CreateSource = isPath,
        };
        foreach (string option in parts.Length == 3 ? parts[2].Split(',') : [])
        {
            mount = option switch
            {
                "rw" or "z" or "Z" or "private" or "rprivate" => mount,
                "ro" => mount with { ReadOnly = true },
                "nocopy" => mount with { NoCopy = true },
                _ => throw Invalid("volume", text, $"option {option} is not supported"),
            };
        }

        return mount;
    }

    /// <summary>Parses <c>--mount type=...,source=...,target=...[,readonly]</c>.</summary>
    /// <exception cref="RunException">Malformed.</exception>
    public static ContainerMount ParseMount(string text, string here)
    {
        ContainerMount mount = new() { Kind = ContainerMountKind.Volume, Target = "" };
        foreach (string field in text.Split(','))
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? field : field[..equals];
            string value = equals < 0 ? "true" : field[(equals + 1)..];
            mount = Apply(mount, text, key, value);
        }

        CheckTarget("mount", text, mount.Target);
        return mount.Kind switch
        {
            ContainerMountKind.Bind when mount.Source.Length == 0 => throw Invalid("mount", text, "a bind needs a source"),
            ContainerMountKind.Bind => mount with { Source = Path.GetFullPath(mount.Source, here) },
            ContainerMountKind.Volume when mount.Source.Length > 0 => mount with { Source = CheckVolumeName(mount.Source) },
            _ => mount,
        };
    }

    /// <summary>Parses <c>--tmpfs TARGET[:size=64m,mode=1777]</c>.</summary>
    /// <exception cref="RunException">Malformed.</exception>
    public static ContainerMount ParseTmpfs(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        ContainerMount mount = new()
        {
            Kind = ContainerMountKind.Tmpfs,
            Target = CheckTarget("tmpfs", text, colon < 0 ? text : text[..colon]),
        };
        foreach (string option in colon < 0 ? [] : text[(colon + 1)..].Split(','))
        {
            mount = option.Split('=', 2) switch
            {
                ["rw"] or ["noexec"] or ["nosuid"] or ["nodev"] or ["exec"] => mount,
                ["ro"] => mount with { ReadOnly = true },
                ["size", var size] => mount with { SizeBytes = ByteSize.Parse(size) },
                ["mode", var mode] => mount with { Mode = ParseMode(text, mode) },
                _ => throw Invalid("tmpfs", text, $"option {option} is not supported"),
            };
        }

        return mount;
    }

    private static ContainerMount Apply(ContainerMount mount, string text, string key, string value) => key switch
    {
        "type" => mount with
        {
            Kind = value switch
            {
                "bind" => ContainerMountKind.Bind,
                "volume" => ContainerMountKind.Volume,
                "tmpfs" => ContainerMountKind.Tmpfs,
                _ => throw Invalid("mount", text, $"type {value} is not supported"),
            },
        },
        "source" or "src" => mount with { Source = value },
        "target" or "dst" or "destination" => mount with { Target = value },
        "readonly" or "ro" => mount with { ReadOnly = value is "true" or "1" },
        "bind-create-src" => mount with { CreateSource = value is "true" or "1" },
        "volume-nocopy" => mount with { NoCopy = value is "true" or "1" },
        "tmpfs-size" => mount with { SizeBytes = ByteSize.Parse(value) },
        "tmpfs-mode" => mount with { Mode = ParseMode(text, value) },
        _ => throw Invalid("mount", text, $"unknown key {key}"),
    };

    private static int ParseMode(string text, string mode)
    {
        try
        {
            return Convert.ToInt32(mode, 8);
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or ArgumentException)
        {
            throw Invalid("tmpfs", text, $"\"{mode}\" is not an octal mode");
        }
    }

    private static string CheckTarget(string option, string text, string target) =>
        target.StartsWith('/') && target.Trim('/').Length > 0
            ? "/" + target.Trim('/')
            : throw Invalid(option, text, $"target \"{target}\" is not an absolute path below /");

    private static string CheckVolumeName(string name) => VolumeStore.IsName(name)
        ? name
        : throw Invalid("volume", name, "a name is letters, digits, '_', '.', '-'; a path starts with / or .");

    private static RunException Invalid(string option, string text, string cause) =>
        new(RunFailure.Malformed, $"{option} \"{text}\": {cause}");
}

/// <summary>Sizes as people write them: <c>64m</c>, <c>1.5g</c>, <c>1048576</c>.</summary>
public static class ByteSize
{
    /// <summary>Parses a size; units are powers of 1024.</summary>
    /// <exception cref="RunException">Not a size.</exception>
    public static long Parse(string text)
    {
        string number = text.TrimEnd('b', 'B', 'i', 'I');
        int shift = number.Length == 0 ? -1 : char.ToLowerInvariant(number[^1]) switch
        {
            'k' => 10,
            'm' => 20,
            'g' => 30,
            't' => 40,
            _ => 0,
        };
        string digits = shift > 0 ? number[..^1] : number;
        return shift >= 0 && decimal.TryParse(
            digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value) && value < 1 << 30
            ? (long)(value * (1L << shift))
            : shift == 0 && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
                ? bytes
                : throw new RunException(RunFailure.Malformed, $"invalid size: \"{text}\"") { Hint = "for instance 64m or 1g" };
    }
}
