// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using Builder.Frontend;
using Builder.Frontend.Instructions;
using Builder.Solver.Files;
using Builder.Solver.Ports;
using Builder.Solver.Scheduling;

namespace Builder.Solver.Lowering;

/// <summary>
/// Finds the time that SOURCE_DATE_EPOCH means: seconds; <c>context</c> or a named context for the time of its commit
/// or download; the name of a stage that only ADDs one remote source, for that source's time.
/// </summary>
internal sealed class EpochResolver
{
    private readonly BuildSession _session;
    private readonly Dockerfile _dockerfile;
    private readonly BuildArguments _arguments;
    private readonly EnvironmentList _globals;
    private readonly LocatedExpander _words;

    /// <summary>Creates a resolver for one platform's scope.</summary>
    public EpochResolver(
        BuildSession session, Dockerfile dockerfile, BuildArguments arguments, EnvironmentList globals)
    {
        _session = session;
        _dockerfile = dockerfile;
        _arguments = arguments;
        _globals = globals;
        _words = new LocatedExpander(dockerfile);
    }

    /// <summary>
    /// The epoch in seconds, or null when none is set or the source has no time of its own (a local directory).
    /// Afterwards the variable holds the seconds wherever it was set.
    /// </summary>
    /// <exception cref="SolveException">The value is none of these.</exception>
    public async Task<long?> ResolveAsync(CancellationToken cancellationToken)
    {
        string? value = _arguments.Find(BuildArguments.SourceDateEpoch) ?? _globals.Find(BuildArguments.SourceDateEpoch);
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds))
        {
            long? found = await ResolveSourceAsync(value, cancellationToken);
            Store(found);
            return found;
        }

        return seconds is >= -62_135_596_800 and <= 253_402_300_799
            ? seconds
            : throw Invalid(value, "not a time between the years 1 and 9999");
    }

    /// <summary>The newest time of the files of an immutable tree; null for a directory that can change.</summary>
    private static long? NewestTime(IFileTree tree, string path)
    {
        if (tree.Identity is null || tree.Find(path) is not { } node)
        {
            return null;
        }

        if (node.Kind != FileKind.Directory)
        {
            return node.Kind == FileKind.Regular && node.ModifiedSeconds != 0 ? node.ModifiedSeconds : null;
        }

        long? newest = null;
        foreach (FileNode child in tree.List(path))
        {
            long? time = NewestTime(tree, path.Length == 0 ? child.Name : $"{path}/{child.Name}");
            newest = time is null || newest >= time ? newest : time;
        }

        return newest;
    }

    private void Store(long? seconds)
    {
        string? text = seconds?.ToString(CultureInfo.InvariantCulture);
        _arguments.Replace(BuildArguments.SourceDateEpoch, text);
        if (_globals.Find(BuildArguments.SourceDateEpoch) is null)
        {
            return;
        }

        if (text is null)
        {
            _globals.Remove(BuildArguments.SourceDateEpoch);
        }
        else
        {
            _globals.Set(BuildArguments.SourceDateEpoch, text);
        }
    }

    private async Task<long?> ResolveSourceAsync(string value, CancellationToken cancellationToken)
    {
        if (value == "context")
        {
            return NewestTime(await _session.OpenContextAsync(null, cancellationToken), "");
        }

        if (_session.Ports.Contexts.FindImage(value) is null
            && await _session.Ports.Contexts.OpenAsync(value, cancellationToken) is { } tree)
        {
            return NewestTime(tree, "");
        }

        Stage? stage = _dockerfile.Stages.FirstOrDefault(
            candidate => string.Equals(candidate.Name, value, StringComparison.OrdinalIgnoreCase));
        if (stage is null)
        {
            throw Invalid(value, "neither seconds since 1970, nor \"context\", a named context or a stage");
        }

        FetchedFile fetched = await _session.FetchAsync(FindRemote(stage), cancellationToken);
        if (fetched.Path.Length > 0 && _session.Ports.Remotes.IsArchive(fetched.Tree, fetched.Path)
            && fetched.Tree.Find(fetched.Path)?.ModifiedSeconds is null or 0)
        {
            IFileTree content = await _session.Ports.Remotes.UnpackAsync(
                fetched.Tree, fetched.Path, cancellationToken);
            return NewestTime(content, "");
        }

        return NewestTime(fetched.Tree, fetched.Path);
    }

    private RemoteFile FindRemote(Stage stage)
    {
        if (_words.Expand(stage.From.Image, _globals) != "scratch")
        {
            throw _words.Error(stage.From.Span, "SOURCE_DATE_EPOCH stage must use FROM scratch");
        }

        var scope = new EnvironmentList(_globals);
        scope.Remove(BuildArguments.SourceDateEpoch);
        RemoteFile? found = null;
        foreach (Instruction instruction in stage.Instructions)
        {
            switch (instruction)
            {
                case ArgInstruction arg:
                    Apply(arg, scope);
                    break;
                case AddInstruction add when found is null:
                    found = Remote(add, scope);
                    break;
                case AddInstruction:
                    throw _words.Error(
                        instruction.Span, "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD");
                default:
                    throw _words.Error(
                        instruction.Span,
                        $"SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported "
                        + $"{instruction.Keyword} instruction");
            }
        }

        return found ?? throw _words.Error(
            stage.From.Span, "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD");
    }

    private void Apply(ArgInstruction instruction, EnvironmentList scope)
    {
        foreach (KeyValueWord definition in instruction.Definitions)
        {
            string? value = _arguments.Find(definition.Key.Text)
                ?? (definition.Value is null ? null : _words.Expand(definition.Value, scope));
            if (value is not null)
            {
                scope.Set(definition.Key.Text, value);
            }
        }
    }

    private RemoteFile Remote(AddInstruction add, EnvironmentList scope)
    {
        if (add.Sources.Length != 1 || !add.Heredocs.IsEmpty)
        {
            throw _words.Error(add.Span, "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD source");
        }

        string source = _words.Expand(add.Sources[0], scope);
        string? checksum = add.Checksum is null ? null : _words.Expand(add.Checksum, scope);
        if (add.KeepGitDir is not null || _session.Ports.Remotes.IsGitUrl(source))
        {
            return new GitRepository(source, checksum, add.KeepGitDir ?? false);
        }

        return Uri.TryCreate(source, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? new HttpFile(url, checksum)
            : throw _words.Error(add.Span, "SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD");
    }

    private SolveException Invalid(string value, string cause) =>
        new($"invalid SOURCE_DATE_EPOCH: \"{value}\": {cause}")
        {
            Dockerfile = _dockerfile.Source,
            Hint = "give seconds since 1970, for instance of the last commit: git log -1 --format=%ct",
        };
}
