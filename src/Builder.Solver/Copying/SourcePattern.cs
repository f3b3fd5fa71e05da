// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Solver.Copying;

/// <summary>A source path of COPY with Go's filepath.Match wildcards, matched name by name.</summary>
internal sealed class SourcePattern
{
    private readonly List<string> _names = [];
    private readonly List<GlobPattern> _wildcards = [];

    private SourcePattern()
    {
    }

    /// <summary>True when there is a wildcard: then matching nothing is no error.</summary>
    public bool HasWildcards => _wildcards.Count > 0;

    /// <summary>The part before the first wildcard.</summary>
    public string Fixed => string.Join('/', _names);

    /// <summary>Parses a path as written.</summary>
    /// <exception cref="SolveException">The pattern is malformed.</exception>
    public static SourcePattern Parse(string path)
    {
        var pattern = new SourcePattern();
        string clean = TreePath.Clean(path);
        foreach (string name in clean.Length == 0 ? [] : clean.Split('/'))
        {
            if (pattern.HasWildcards || IsWildcard(name))
            {
                pattern._wildcards.Add(ParseName(name));
            }
            else
            {
                pattern._names.Add(name);
            }
        }

        return pattern;
    }

    /// <summary>
    /// The paths that match, sorted, with the names that were matched. Links are followed before the first wildcard,
    /// and no directory that is a link is entered after it. Without wildcards the path itself, existing or not.
    /// </summary>
    public IEnumerable<string> Match(IFileTree tree)
    {
        if (!HasWildcards)
        {
            return [Fixed];
        }

        IEnumerable<string> found = [TreePath.Resolve(Fixed, tree.Find)];
        for (int i = 0; i < _wildcards.Count; i++)
        {
            GlobPattern wildcard = _wildcards[i];
            bool isLast = i == _wildcards.Count - 1;
            found = found.SelectMany(directory => MatchIn(tree, directory, wildcard, isLast));
        }

        return found;
    }

    /// <summary>True when the text has an unescaped wildcard.</summary>
    internal static bool IsWildcard(string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] is '*' or '?' or '[')
            {
                return true;
            }

            i += name[i] == '\\' ? 1 : 0;
        }

        return false;
    }

    /// <summary>Parses the pattern of one name.</summary>
    /// <exception cref="SolveException">It is malformed.</exception>
    internal static GlobPattern ParseName(string name)
    {
        try
        {
            return GlobPattern.Parse(name);
        }
        catch (FormatException exception)
        {
            throw new SolveException(exception.Message, exception) { Subject = name };
        }
    }

    private static IEnumerable<string> MatchIn(IFileTree tree, string directory, GlobPattern wildcard, bool isLast)
    {
        if (tree.Find(directory) is not { Kind: FileKind.Directory })
        {
            yield break;
        }

        foreach (FileNode node in tree.List(directory))
        {
            if ((isLast || node.Kind == FileKind.Directory) && wildcard.IsMatch(node.Name))
            {
                yield return TreePath.Join(directory, node.Name);
            }
        }
    }
}
