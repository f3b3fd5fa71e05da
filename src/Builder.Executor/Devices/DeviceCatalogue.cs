// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Solver.Operations;

namespace Builder.Executor.Devices;

/// <summary>
/// The CDI devices of the machine. A device of a later directory replaces one of the same name in an earlier one; two of
/// the same name in one directory are an error for who asks for them.
/// </summary>
internal sealed class DeviceCatalogue
{
    private const string ClassAnnotation = "org.mobyproject.buildkit.device.class";
    private const string AllowAnnotation = "org.mobyproject.buildkit.device.autoallow";

    private readonly ImmutableArray<CatalogueEntry> _entries;
    private readonly ImmutableArray<string> _directories;

    private DeviceCatalogue(ImmutableArray<CatalogueEntry> entries, ImmutableArray<string> directories)
    {
        _entries = entries;
        _directories = directories;
    }

    /// <summary>Where specifications are when nothing else is said: BuildKit's places.</summary>
    public static ImmutableArray<string> DefaultDirectories { get; } = ["/etc/cdi", "/var/run/cdi", "/etc/buildkit/cdi"];

    /// <summary>Reads all specifications of some directories; those that are missing hold none.</summary>
    /// <exception cref="DeviceException">A specification is broken.</exception>
    public static DeviceCatalogue Load(ImmutableArray<string> directories)
    {
        ImmutableArray<CatalogueEntry>.Builder entries = ImmutableArray.CreateBuilder<CatalogueEntry>();
        for (int priority = 0; priority < directories.Length; priority++)
        {
            foreach (string file in Files(directories[priority]))
            {
                DeviceSpecification specification = DeviceSpecification.Read(file);
                foreach (DeviceDescription device in specification.Devices)
                {
                    entries.Add(new CatalogueEntry($"{specification.Kind}={device.Name}", specification, device, priority));
                }
            }
        }

        return new DeviceCatalogue(entries.ToImmutable(), directories);
    }

    /// <summary>The devices that a step asks for; none when there is no such device and it is not required.</summary>
    /// <exception cref="DeviceException">Missing, ambiguous or not allowed.</exception>
    public ImmutableArray<CatalogueEntry> Find(DeviceRequest request)
    {
        ImmutableArray<CatalogueEntry> found = Select(request.Name);
        if (found.IsEmpty && request.Required)
        {
            throw new DeviceException($"device {request.Name}: the machine has no such device")
            {
                Subject = request.Name,
                Hint = Known() is { Length: > 0 } known
                    ? $"there are {known}"
                    : $"there is no device specification in {string.Join(", ", _directories)}",
            };
        }

        foreach (CatalogueEntry entry in found)
        {
            CatalogueEntry? other = _entries.FirstOrDefault(
                e => e.Name == entry.Name && e.Priority == entry.Priority && e != entry);
            if (other is not null)
            {
                throw new DeviceException(
                    $"device {entry.Name}: both {entry.Specification.File} and {other.Specification.File} describe it");
            }

            if (!request.IsAllowed && entry.Annotation(AllowAnnotation) is not ("true" or "True" or "TRUE" or "1" or "t" or "T"))
            {
                throw new DeviceException($"device {entry.Name}: it is not allowed in this build")
                {
                    Subject = request.Name,
                    Hint = $"pass --allow device or --allow device={entry.Name} to bld build",
                };
            }
        }

        return found;
    }

    private static IEnumerable<string> Files(string directory) =>
        Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory)
                .Where(file => Path.GetExtension(file) is ".json" or ".yaml" or ".yml")
                .Order(StringComparer.Ordinal)
            : [];

    private ImmutableArray<CatalogueEntry> Select(string name)
    {
        int equals = name.IndexOf('=', StringComparison.Ordinal);
        string kind = (equals < 0 ? name : name[..equals]) + "=";
        string device = equals < 0 ? "" : name[(equals + 1)..];
        ImmutableArray<CatalogueEntry> ofKind =
        [
            .. _entries.Where(entry => entry.Name.StartsWith(kind, StringComparison.Ordinal))
                .GroupBy(entry => entry.Name, StringComparer.Ordinal)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => group.MaxBy(entry => entry.Priority)!),
        ];
        return device switch
        {
            "" => [.. ofKind.Take(1)],
            "*" => ofKind,
            _ => ofKind.Any(entry => entry.Name == name)
                ? [.. ofKind.Where(entry => entry.Name == name)]
                : [.. ofKind.Where(entry => entry.Annotation(ClassAnnotation) == device)],
        };
    }

    private string Known() =>
        string.Join(", ", _entries.Select(entry => entry.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(10));
}

/// <summary>A device with its specification.</summary>
/// <param name="Name">VENDOR/CLASS=NAME.</param>
/// <param name="Specification">What described it.</param>
/// <param name="Device">Its part.</param>
/// <param name="Priority">The place of its directory.</param>
internal sealed record CatalogueEntry(
    string Name, DeviceSpecification Specification, DeviceDescription Device, int Priority)
{
    /// <summary>The value of an annotation, the device's before the specification's.</summary>
    public string? Annotation(string key) =>
        Device.Annotations.GetValueOrDefault(key) ?? Specification.Annotations.GetValueOrDefault(key);

    /// <summary>Its edits: the specification's, then its own.</summary>
    /// <exception cref="DeviceException">They ask for what bld does not do.</exception>
    public ImmutableArray<DeviceEdits> ReadEdits()
    {
        try
        {
            return [DeviceEdits.Read(Specification.Edits), DeviceEdits.Read(Device.Edits)];
        }
        catch (FormatException failure)
        {
            throw new DeviceException($"device {Name} of {Specification.File}: {failure.Message}", failure)
            {
                Hint = "take that out of the specification, or give the step what it needs by COPY or --mount",
            };
        }
    }
}
