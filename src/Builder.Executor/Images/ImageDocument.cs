// SPDX-License-Identifier: Apache-2.0

using System.Text.Json;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;

namespace Builder.Executor.Images;

/// <summary>
/// A manifest or an index, read from bytes of which the type is only claimed. Exactly one of the two is set.
/// </summary>
internal sealed record ImageDocument
{
    private const string SchemaOnePrefix = "application/vnd.docker.distribution.manifest.v1";

    private ImageDocument(string mediaType, Manifest? manifest, ImageIndex? index)
    {
        MediaType = mediaType;
        Manifest = manifest;
        Index = index;
    }

    /// <summary>The type that the document really has.</summary>
    public string MediaType { get; }

    public Manifest? Manifest { get; }

    public ImageIndex? Index { get; }

    /// <summary>
    /// Reads a document. What claims one type and has the fields of another is refused: two readers must not see two
    /// different images in the same bytes (CVE-2021-41190).
    /// </summary>
    /// <param name="bytes">The document.</param>
    /// <param name="claimedType">Content-Type or the descriptor's type.</param>
    /// <param name="subject">For messages: what the document describes.</param>
    /// <exception cref="RegistryException">It is no image that bld supports.</exception>
    public static ImageDocument Read(ReadOnlyMemory<byte> bytes, string? claimedType, string subject)
    {
        using JsonDocument json = Parse(bytes, subject);
        JsonElement root = json.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(subject, "the manifest is not a JSON object");
        }

        string? ownType = Text(root, "mediaType");
        if (root.TryGetProperty("schemaVersion", out JsonElement version) && version.ValueKind == JsonValueKind.Number
            && version.TryGetInt32(out int number) && number == 1
            || (claimedType ?? ownType ?? "").StartsWith(SchemaOnePrefix, StringComparison.Ordinal))
        {
            throw new RegistryException(
                RegistryFailure.Unsupported, $"{subject}: the image has a schema 1 manifest, which is no longer supported")
            {
                Hint = "push the image again with a current docker, podman or skopeo",
            };
        }

        string type = Decide(root, claimedType, ownType, subject);
        try
        {
            return MediaTypes.IsIndex(type)
                ? new ImageDocument(type, null, OciJson.ParseIndex(bytes.Span))
                : new ImageDocument(type, OciJson.ParseManifest(bytes.Span), null);
        }
        catch (ContentException e)
        {
            throw Invalid(subject, e.Message, e);
        }
    }

    private static string Decide(JsonElement root, string? claimedType, string? ownType, string subject)
    {
        bool hasManifests = root.TryGetProperty("manifests", out _);
        bool hasLayers = root.TryGetProperty("layers", out _) || root.TryGetProperty("config", out _);
        if (hasManifests == hasLayers)
        {
            throw Invalid(subject, hasLayers ? "the manifest is both an index and an image" : "the manifest is no image");
        }

        string fallback = hasManifests ? MediaTypes.OciIndex : MediaTypes.OciManifest;
        string type = IsKnown(ownType) ? ownType! : IsKnown(claimedType) ? claimedType! : fallback;
        if (ownType is not null && !IsKnown(ownType))
        {
            throw new RegistryException(RegistryFailure.Unsupported, $"{subject}: \"{ownType}\" is no type of image");
        }

        if (MediaTypes.IsIndex(type) != hasManifests
            || (IsKnown(claimedType) && MediaTypes.IsIndex(claimedType) != hasManifests))
        {
            throw Invalid(subject, $"the manifest says it is \"{type}\" and is something else");
        }

        return type;
    }

    private static bool IsKnown(string? type) => MediaTypes.IsIndex(type) || MediaTypes.IsManifest(type);

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static JsonDocument Parse(ReadOnlyMemory<byte> bytes, string subject)
    {
        try
        {
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            throw Invalid(subject, "the manifest is not valid JSON", e);
        }
    }

    private static RegistryException Invalid(string subject, string cause, Exception? inner = null) =>
        new(RegistryFailure.InvalidResponse, $"{subject}: {cause}", inner);
}
