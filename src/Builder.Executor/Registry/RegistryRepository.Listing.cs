// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>Lists: tags and referrers, page by page.</summary>
internal sealed partial class RegistryRepository
{
    private const int PageSize = 1000;
    private const string IndexType = "application/vnd.oci.image.index.v1+json";

    /// <summary>The tags, in the registry's order.</summary>
    public async Task<ImmutableArray<string>> ListTagsAsync(CancellationToken cancellationToken)
    {
        string operation = $"list the tags of {Endpoint}";
        ImmutableArray<string>.Builder tags = ImmutableArray.CreateBuilder<string>();
        await foreach (byte[] page in PagesAsync($"tags/list?n={PageSize}", null, operation, cancellationToken)
            .ConfigureAwait(false))
        {
            TagListJson? list = Read(page, RegistryJson.Default.TagListJson, operation);
            tags.AddRange((list?.Tags ?? []).Where(tag => tag is not null));
        }

        return tags.ToImmutable();
    }

    /// <summary>
    /// The indexes that list what refers to a manifest, page by page; where the registry has no referrers API, the one
    /// under the fallback tag. Source: distribution-spec, "Listing Referrers".
    /// </summary>
    public async Task<ImmutableArray<ReadOnlyMemory<byte>>> ListReferrersAsync(
        Digest subject, string? artifactType, CancellationToken cancellationToken)
    {
        string operation = $"list the referrers of {Endpoint}@{subject}";
        string query = artifactType is null ? "" : "?artifactType=" + Uri.EscapeDataString(artifactType);
        ImmutableArray<ReadOnlyMemory<byte>>.Builder pages = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        try
        {
            await foreach (byte[] page in PagesAsync($"referrers/{subject}{query}", IndexType, operation, cancellationToken)
                .ConfigureAwait(false))
            {
                pages.Add(page);
            }
        }
        catch (RegistryException e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            try
            {
                pages.Add((await GetManifestAsync($"sha256-{subject.Hex}", cancellationToken).ConfigureAwait(false)).Bytes);
            }
            catch (RegistryException missing) when (missing.IsNotFound)
            {
                // Nothing refers to it.
            }
        }

        return pages.ToImmutable();
    }

    private async IAsyncEnumerable<byte[]> PagesAsync(
        string tail,
        string? mediaType,
        string operation,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Uri? next = null;
        for (int page = 0; page < RegistryLimits.MaxListPages; page++)
        {
            Uri? current = next;
            using HttpResponseMessage response = await SendAsync(
                host =>
                {
                    HttpRequestMessage request = new(HttpMethod.Get, current ?? Url(host, tail));
                    if (mediaType is not null)
                    {
                        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(mediaType));
                    }

                    return request;
                },
                _pull,
                operation,
                cancellationToken).ConfigureAwait(false);
            await RequireAsync(response, operation, RegistryFailure.NameUnknown, cancellationToken).ConfigureAwait(false);
            yield return await ReadSmallAsync(response, RegistryLimits.MaxListBytes, operation, cancellationToken)
                .ConfigureAwait(false);
            next = NextPage(response, operation);
            if (next is null)
            {
                yield break;
            }
        }
    }

    /// <summary>The Link header with rel="next" (RFC 8288); it must stay on the host.</summary>
    private static Uri? NextPage(HttpResponseMessage response, string operation)
    {
        if (!response.Headers.TryGetValues("Link", out IEnumerable<string>? links))
        {
            return null;
        }

        Uri current = response.RequestMessage!.RequestUri!;
        foreach (string link in links.SelectMany(value => value.Split(',')))
        {
            int start = link.IndexOf('<', StringComparison.Ordinal);
            int end = link.IndexOf('>', StringComparison.Ordinal);
            if (start < 0 || end <= start
                || !link[end..].Replace(" ", "", StringComparison.Ordinal).Contains("rel=\"next\"", StringComparison.Ordinal))
            {
                continue;
            }

            Uri next = new(current, link[(start + 1)..end]);
            return next.Scheme == current.Scheme && next.Authority == current.Authority
                ? next
                : throw new RegistryException(
                    RegistryFailure.InvalidResponse, $"{operation}: the next page is on another host");
        }

        return null;
    }

    private static T? Read<T>(
        byte[] json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string operation)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException e)
        {
            throw new RegistryException(RegistryFailure.InvalidResponse, $"{operation}: the answer is not valid JSON", e);
        }
    }
}
