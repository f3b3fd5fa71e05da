// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Executor.Registry;

/// <summary>Addresses as they may be shown: signed storage URLs and tokens in queries are secrets.</summary>
internal static class RedactedUrl
{
    private const string Hidden = "REDACTED";

    /// <summary>Query names whose values are shown; everything else is hidden.</summary>
    private static readonly HashSet<string> s_shown = new(StringComparer.Ordinal)
    {
        "scope", "service", "digest", "mount", "from", "n", "last", "artifactType", "ns",
    };

    public static string Of(Uri url)
    {
        if (!url.IsAbsoluteUri)
        {
            return url.OriginalString.Split('?')[0];
        }

        StringBuilder text = new(url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));
        char separator = '?';
        foreach (string pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? pair : pair[..equals];
            text.Append(separator).Append(name);
            if (equals >= 0)
            {
                text.Append('=').Append(s_shown.Contains(name) ? pair[(equals + 1)..] : Hidden);
            }

            separator = '&';
        }

        return text.ToString();
    }
}
