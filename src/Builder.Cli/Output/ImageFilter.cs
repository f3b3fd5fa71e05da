// SPDX-License-Identifier: Apache-2.0

using System.IO.Enumeration;
using Builder.Cli.CommandLine;
using Builder.Executor.Images;
using Builder.Frontend.Naming;

namespace Builder.Cli.Output;

/// <summary><c>images --filter</c>: every key must hold, for one key any of its values.</summary>
internal sealed class ImageFilter
{
    private readonly List<Func<StoredImage, bool>> _conditions = [];
    private readonly List<string> _references = [];

    /// <summary>Parses <c>KEY=VALUE</c> filters.</summary>
    /// <exception cref="UsageException">Unknown key or malformed value.</exception>
    public static ImageFilter Parse(string[] filters, ImageStore images)
    {
        ImageFilter result = new();
        foreach (IGrouping<string, string> group in filters.GroupBy(Key, Value, StringComparer.Ordinal))
        {
            string[] values = [.. group];
            switch (group.Key)
            {
                case "dangling":
                    bool[] wanted = [.. values.Select(value => OptionValues.ParseBool("filter dangling", value))];
                    result._conditions.Add(image => wanted.Contains(image.Names.IsEmpty));
                    break;
                case "label":
                    result._conditions.Add(image => values.Any(value => HasLabel(image, value)));
                    break;
                case "before":
                    result._conditions.Add(image => values.Any(value => image.Config.Created < Created(images, value)));
                    break;
                case "since":
                    result._conditions.Add(image => values.Any(value => image.Config.Created > Created(images, value)));
                    break;
                case "reference":
                    result._references.AddRange(values);
                    break;
                default:
                    throw new UsageException($"invalid filter \"{group.Key}\"")
                    {
                        Hint = "one of dangling, label, before, since, reference",
                    };
            }
        }

        return result;
    }

    /// <summary>True when the image passes, its names aside.</summary>
    public bool Accepts(StoredImage image) => _conditions.All(condition => condition(image));

    /// <summary>True when a name passes.</summary>
    public bool AcceptsName(ImageReference? name) => _references.Count == 0 || (name is not null && _references.Any(pattern =>
        FileSystemName.MatchesSimpleExpression(pattern, name.FamiliarName, ignoreCase: false)
        || FileSystemName.MatchesSimpleExpression(pattern, $"{name.FamiliarName}:{name.Tag}", ignoreCase: false)));

    private static string Key(string filter) => filter.Split('=', 2)[0];

    private static string Value(string filter) => filter.Split('=', 2) is [_, var value]
        ? value
        : throw new UsageException($"invalid filter \"{filter}\"") { Hint = "filters are KEY=VALUE" };

    private static bool HasLabel(StoredImage image, string wanted)
    {
        string[] parts = wanted.Split('=', 2);
        return image.Config.Labels.TryGetValue(parts[0], out string? value) && (parts.Length == 1 || parts[1] == value);
    }

    private static DateTimeOffset? Created(ImageStore images, string name) => images.Find(name) is { } image
        ? image.Config.Created
        : throw new CommandException($"no such image: {name}");
}
