// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Globalization;
using Builder.Executor.Content;
using Builder.Executor.Sandbox.Spawning;
using Builder.Frontend.Ignore;
using Builder.Solver.Files;

namespace Builder.Executor.Context;

/// <summary>
/// Reads git repositories by the machine's git: which commit a ref is, and the files of that commit. No hooks, no
/// templates, no prompts, no transports but https, http, ssh and git. Thread-safe.
/// </summary>
internal sealed class GitFetcher
{
    private const int MaxOutputBytes = 64 << 20;
    private const int MaxMessageLines = 3;

    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(30);

    private readonly Store _store;
    private readonly Func<string, string?> _secret;
    private readonly TimeProvider _time;

    /// <summary>Creates a fetcher.</summary>
    /// <param name="store">Checkouts are made in its tmp/.</param>
    /// <param name="secret">Gives a build secret by id, or null.</param>
    /// <param name="time">The clock.</param>
    public GitFetcher(Store store, Func<string, string?> secret, TimeProvider time)
    {
        _store = store;
        _secret = secret;
        _time = time;
    }

    /// <summary>
    /// The files of a repository. What commit it is, is known on return; the files are fetched when they are first needed.
    /// </summary>
    /// <exception cref="ContextException">Unreachable, no such ref, or not the commit that the checksum names.</exception>
    public Task<IFileTree> OpenAsync(GitUrl url, CancellationToken cancellationToken) =>
        Task.Run<IFileTree>(() => Open(url, cancellationToken), cancellationToken);

    private GitTree Open(GitUrl url, CancellationToken cancellationToken)
    {
        string commit = FindCommit(url, cancellationToken);
        if (url.Checksum is { } checksum && (checksum.Length < 7 || !commit.StartsWith(checksum, StringComparison.Ordinal)))
        {
            throw new ContextException(
                ContextFailure.ChecksumMismatch, $"fetch {Show(url)}: expected checksum to match {checksum}, got {commit}");
        }

        string identity = $"git {commit} {url.Directory} {(url.KeepGitDir == true ? "keep" : "")} {url.Submodules}";
        return new GitTree(identity, url.KeepGitDir == true, () => Fetch(url, commit, cancellationToken));
    }

    /// <summary>The commit of the ref, asked of the remote.</summary>
    private string FindCommit(GitUrl url, CancellationToken cancellationToken)
    {
        string reference = url.Ref ?? "HEAD";
        if (reference.Length is 40 or 64 && reference.All(char.IsAsciiHexDigitLower))
        {
            return reference;
        }

        string listed = Run(url, null, ["ls-remote", "--", url.Remote], cancellationToken).OutputText;
        var refs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in listed.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split('\t');
            if (fields.Length == 2)
            {
                refs[fields[1]] = fields[0];
            }
        }

        // "^{}" is the commit that an annotated tag points at
        string[] candidates =
        [
            $"{reference}^{{}}", reference, $"refs/tags/{reference}^{{}}", $"refs/tags/{reference}", $"refs/heads/{reference}",
            $"refs/{reference}",
        ];
        return candidates.Select(refs.GetValueOrDefault).FirstOrDefault(found => found is not null)
            ?? refs.Values.FirstOrDefault(found => reference.Length >= 7 && found.StartsWith(reference, StringComparison.Ordinal))
            ?? throw new ContextException(ContextFailure.NotFound, $"fetch {Show(url)}: there is no ref \"{reference}\"");
    }

    private GitCheckout Fetch(GitUrl url, string commit, CancellationToken cancellationToken)
    {
        string directory = _store.Tmp.CreateDirectory("git");
        Run(url, directory, ["init", "--quiet", "--template=", "."], cancellationToken);
        ProcessResult shallow = TryRun(
            url, directory, ["fetch", "--quiet", "--depth=1", "--no-tags", "--", url.Remote, commit], cancellationToken);
        if (!shallow.Status.IsSuccess)
        {
            // a server that gives no commit by name: fetch everything
            Run(
                url, directory,
                ["fetch", "--quiet", "--update-head-ok", "--", url.Remote, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                cancellationToken);
        }

        Run(url, directory, ["checkout", "--quiet", "--detach", commit, "--"], cancellationToken);
        if (url.Submodules && File.Exists(Path.Combine(directory, ".gitmodules")))
        {
            // some servers serve whole histories only
            ImmutableArray<string> update = ["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"];
            if (!TryRun(url, directory, update, cancellationToken).Status.IsSuccess)
            {
                Run(url, directory, update[..^1], cancellationToken);
            }
        }

        string time = Run(url, directory, ["show", "--no-patch", "--format=%ct", commit], cancellationToken).OutputText;
        _ = long.TryParse(time.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds);
        var files = new LocalContext(directory, IgnoreMatcher.None, "", null, _time);
        string below = TreePath.Resolve(TreePath.Clean(url.Directory), files.Find);
        if (files.Find(below) is not { Kind: FileKind.Directory })
        {
            throw new ContextException(
                ContextFailure.NotFound, $"fetch {Show(url)}: there is no directory \"{url.Directory}\" in commit {commit}");
        }

        return new GitCheckout(files, below, seconds);
    }

    private ProcessResult Run(
        GitUrl url, string? directory, ImmutableArray<string> arguments, CancellationToken cancellationToken)
    {
        ProcessResult result = TryRun(url, directory, arguments, cancellationToken);
        if (result.Status.IsSuccess)
        {
            return result;
        }

        string[] lines = result.ErrorText.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string cause = result.HasTimedOut
            ? "it took too long"
            : string.Join("; ", lines.TakeLast(MaxMessageLines).Select(line => Redact(line, url)));
        throw new ContextException(ContextFailure.Unreadable, $"fetch {Show(url)}: git {arguments[0]}: {cause}");
    }

    private ProcessResult TryRun(
        GitUrl url, string? directory, ImmutableArray<string> arguments, CancellationToken cancellationToken)
    {
        if (ProcessStarter.FindInPath("git") is null)
        {
            throw new ContextException(ContextFailure.Unreadable, $"fetch {Show(url)}: git is not installed on this machine")
            {
                Hint = "install git, or give the files as a directory or a tarball",
            };
        }

        var request = new ProcessRequest("git", [.. Configuration(url), .. arguments])
        {
            WorkingDirectory = directory ?? "/",
            Environment = Environment(url),
            MaxOutputBytes = MaxOutputBytes,
            Timeout = s_timeout,
        };
        return ProcessStarter.Run(request, cancellationToken);
    }

    private static ImmutableArray<string> Configuration(GitUrl url)
    {
        ImmutableArray<string> configuration =
        [
            "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false",
            "-c", "core.symlinks=true", "-c", "core.autocrlf=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
            "-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.http.allow=always",
            "-c", "protocol.ssh.allow=always", "-c", "protocol.git.allow=always",
        ];

        // a repository on this disk only when the user named it, never as a submodule
        return url.Remote.StartsWith("file://", StringComparison.Ordinal)
            ? configuration.AddRange("-c", "protocol.file.allow=user")
            : configuration;
    }

    /// <summary>This process's environment without what would redirect git, and a token where a secret gives one.</summary>
    private ImmutableArray<string> Environment(GitUrl url)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            string name = (string)variable.Key;
            if (!name.StartsWith("GIT_", StringComparison.Ordinal) || name is "GIT_SSL_CAINFO" or "GIT_SSH_COMMAND" or "GIT_SSH")
            {
                environment[name] = (string?)variable.Value ?? "";
            }
        }

        environment["GIT_TERMINAL_PROMPT"] = "0";
        environment["GIT_PROTOCOL_FROM_USER"] = url.Remote.StartsWith("file://", StringComparison.Ordinal) ? "1" : "0";
        environment["LC_ALL"] = "C";
        if (Secret(url, "GIT_AUTH_HEADER") is { } header)
        {
            AddHeader(environment, url, header.Trim());
        }
        else if (Secret(url, "GIT_AUTH_TOKEN") is { } token)
        {
            byte[] pair = System.Text.Encoding.UTF8.GetBytes($"x-access-token:{token.Trim()}");
            AddHeader(environment, url, $"basic {Convert.ToBase64String(pair)}");
        }

        return [.. environment.Select(variable => $"{variable.Key}={variable.Value}")];
    }

    /// <summary>A secret for the host of the URL, else for all: <c>GIT_AUTH_TOKEN.github.com</c>, <c>GIT_AUTH_TOKEN</c>.</summary>
    private string? Secret(GitUrl url, string name) =>
        (Uri.TryCreate(url.Remote, UriKind.Absolute, out Uri? remote) ? _secret($"{name}.{remote.Authority}") : null)
        ?? _secret(name);

    /// <summary>Credentials go by the environment, where other users do not see them, and to this host only.</summary>
    private static void AddHeader(SortedDictionary<string, string> environment, GitUrl url, string value)
    {
        if (Uri.TryCreate(url.Remote, UriKind.Absolute, out Uri? remote) && remote.Scheme is "http" or "https")
        {
            environment["GIT_CONFIG_COUNT"] = "1";
            environment["GIT_CONFIG_KEY_0"] = $"http.{remote.Scheme}://{remote.Authority}/.extraHeader";
            environment["GIT_CONFIG_VALUE_0"] = $"Authorization: {value}";
        }
    }

    private static string Redact(string line, GitUrl url) => line.Replace(url.Remote, Show(url), StringComparison.Ordinal);

    private static string Show(GitUrl url) =>
        Uri.TryCreate(url.Remote, UriKind.Absolute, out Uri? uri) ? HttpDownloader.Show(uri) : url.Remote;
}
