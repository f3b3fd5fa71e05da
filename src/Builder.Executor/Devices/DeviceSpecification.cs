// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Builder.Executor.Devices;

/// <summary>
/// A file that describes the devices of one kind. Edits stay as they were read until a device is asked for.
/// Source: Container Device Interface, SPEC.md.
/// </summary>
/// <param name="File">Where it was read.</param>
/// <param name="Kind">VENDOR/CLASS.</param>
/// <param name="Annotations">Of all its devices.</param>
/// <param name="Edits"><c>containerEdits</c> for all its devices.</param>
/// <param name="Devices">The devices in the order of the file.</param>
internal sealed record DeviceSpecification(
    string File,
    string Kind,
    ImmutableDictionary<string, string> Annotations,
    JsonNode? Edits,
    ImmutableArray<DeviceDescription> Devices)
{
    private const int MaxFileBytes = 4 * 1024 * 1024;

    /// <summary>Reads a .json, .yaml or .yml file.</summary>
    /// <exception cref="DeviceException">It cannot be read, or is no specification.</exception>
    public static DeviceSpecification Read(string file)
    {
        try
        {
            if (new FileInfo(file).Length > MaxFileBytes)
            {
                throw new FormatException($"larger than {MaxFileBytes / 1024 / 1024} MiB");
            }

            string text = System.IO.File.ReadAllText(file);
            JsonNode? root = Path.GetExtension(file) == ".json" ? JsonNode.Parse(text) : YamlDocument.Read(new StringReader(text));
            return FromJson(file, root as JsonObject ?? throw new FormatException("it is no object"));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException or FormatException)
        {
            throw new DeviceException($"read the device specification {file}: {failure.Message}", failure)
            {
                Hint = "fix or remove the file; it is made by the vendor's tool, such as nvidia-ctk cdi generate",
            };
        }
    }

    private static DeviceSpecification FromJson(string file, JsonObject root)
    {
        string version = JsonFields.Text(root, "cdiVersion") ?? throw new FormatException("cdiVersion is missing");
        if (!version.StartsWith("0.", StringComparison.Ordinal) && !version.StartsWith("1.", StringComparison.Ordinal))
        {
            throw new FormatException($"cdiVersion {version} is not known");
        }

        string kind = JsonFields.Text(root, "kind") ?? throw new FormatException("kind is missing");
        return new DeviceSpecification(
            file,
            kind,
            JsonFields.Map(root, "annotations"),
            root["containerEdits"],
            [
                .. JsonFields.Objects(root, "devices").Select(device => new DeviceDescription(
                    JsonFields.Text(device, "name") ?? throw new FormatException("a device has no name"),
                    JsonFields.Map(device, "annotations"),
                    device["containerEdits"])),
            ]);
    }
}

/// <summary>One device of a specification.</summary>
/// <param name="Name">Unique within the kind.</param>
/// <param name="Annotations">Of this device.</param>
/// <param name="Edits"><c>containerEdits</c> of this device.</param>
internal sealed record DeviceDescription(string Name, ImmutableDictionary<string, string> Annotations, JsonNode? Edits);
