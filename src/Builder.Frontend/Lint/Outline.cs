// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Builder.Frontend.Lint.Reports;

namespace Builder.Frontend.Lint;

/// <summary>A build arg that a target takes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The value it will have; "" when none.</param>
/// <param name="Description">The text of a comment <c># NAME text</c> right above ARG, or "".</param>
/// <param name="Span">The place of the ARG.</param>
public sealed record OutlineArg(string Name, string Value, string Description, SourceSpan Span);

/// <summary>A secret, an agent or a cache that a target mounts.</summary>
/// <param name="Name">Its id.</param>
/// <param name="IsRequired">True when the step fails without it.</param>
/// <param name="Span">The place of the RUN.</param>
public sealed record OutlineMount(string Name, bool IsRequired, SourceSpan Span);

/// <summary>What can be handed to the build of one target: what <c>build --call=outline</c> shows.</summary>
public sealed record Outline
{
    private static readonly string[] s_argHeader = ["BUILD ARG", "VALUE", "DESCRIPTION"];

    /// <summary>The Dockerfile's text.</summary>
    public required SourceText Source { get; init; }

    /// <summary>The target's name, or "".</summary>
    public required string Name { get; init; }

    /// <summary>The target's description, or "".</summary>
    public required string Description { get; init; }

    /// <summary>The args in the order of the text.</summary>
    public required ImmutableArray<OutlineArg> Args { get; init; }

    /// <summary>The secrets in the order of the text.</summary>
    public required ImmutableArray<OutlineMount> Secrets { get; init; }

    /// <summary>The agents in the order of the text.</summary>
    public required ImmutableArray<OutlineMount> Ssh { get; init; }

    /// <summary>The cache mounts in the order of the text.</summary>
    public required ImmutableArray<OutlineMount> Caches { get; init; }

    /// <summary>Finds what the target of <paramref name="options"/>, or the last stage, and all it needs take.</summary>
    /// <exception cref="DockerfileException">There is no such stage.</exception>
    public static Outline Of(Dockerfile dockerfile, LintOptions options) =>
        new OutlineCollector(dockerfile, options).Collect();

    /// <summary>Tables as buildx prints them.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        if (Name.Length > 0 || Description.Length > 0)
        {
            text.Append("TARGET:      ").Append(Name.Length == 0 ? "(default)" : Name).Append('\n');
            text.Append(Description.Length == 0 ? "" : $"DESCRIPTION: {Description}\n").Append('\n');
        }

        if (!Args.IsEmpty)
        {
            text.Append(Columns.Write(
                Args.Select(arg => new[] { arg.Name, arg.Value, arg.Description }).Prepend(s_argHeader))).Append('\n');
        }

        Append(text, "SECRET", Secrets);
        Append(text, "SSH", Ssh);
        Append(text, "CACHE", Caches);
        return text.ToString();
    }

    /// <summary>JSON as BuildKit answers it.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new OutlineJson
        {
            Name = NullIfEmpty(Name),
            Description = NullIfEmpty(Description),
            Args = NullIfEmpty(Args, arg => new OutlineArgJson
            {
                Name = arg.Name,
                Value = NullIfEmpty(arg.Value),
                Description = NullIfEmpty(arg.Description),
                Location = LocationJson.From(arg.Span),
            }),
            Secrets = NullIfEmpty(Secrets, ToInput),
            Ssh = NullIfEmpty(Ssh, ToInput),
            Cache = NullIfEmpty(
                Caches, cache => new OutlineCacheJson { Id = cache.Name, Location = LocationJson.From(cache.Span) }),
            Sources = [Convert.ToBase64String(Encoding.UTF8.GetBytes(Source.Text))],
        },
        ReportJson.Default.OutlineJson) + "\n";

    private static OutlineInputJson ToInput(OutlineMount mount) => new()
    {
        Name = mount.Name,
        Required = mount.IsRequired ? true : null,
        Location = LocationJson.From(mount.Span),
    };

    private static void Append(StringBuilder text, string title, ImmutableArray<OutlineMount> mounts)
    {
        if (!mounts.IsEmpty)
        {
            text.Append(Columns.Write(
                mounts.Select(mount => new[] { mount.Name, mount.IsRequired ? "true" : "" })
                    .Prepend([title, title == "CACHE" ? "" : "REQUIRED"]))).Append('\n');
        }
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private static ImmutableArray<TTo>? NullIfEmpty<TFrom, TTo>(ImmutableArray<TFrom> items, Func<TFrom, TTo> convert) =>
        items.IsEmpty ? null : [.. items.Select(convert)];
}
