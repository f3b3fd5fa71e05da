// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Text;

namespace Builder.Executor.Registry;

/// <summary>
/// Where credentials are found, first wins: <c>--creds</c>; <c>--authfile</c> or $REGISTRY_AUTH_FILE, which then is the
/// only file; the text in $DOCKER_AUTH_CONFIG; docker's config.json; containers' auth.json. In a file a helper comes
/// before the entries.
/// </summary>
internal sealed class CredentialStore
{
    private readonly RegistryOptions _options;
    private readonly HelperRunner _helpers;
    private readonly Lazy<IReadOnlyList<CredentialFile>> _files;
    private readonly ConcurrentDictionary<string, Lazy<Task<RegistryCredential?>>> _fromHelpers = new(StringComparer.Ordinal);

    public CredentialStore(RegistryOptions options, HelperRunner helpers)
    {
        _options = options;
        _helpers = helpers;
        _files = new Lazy<IReadOnlyList<CredentialFile>>(Load);
    }

    /// <summary>The file that <c>login</c> writes.</summary>
    public string WritableFile => OnlyFile ?? Path.Combine(DockerDirectory, "config.json");

    private string? OnlyFile => _options.AuthFile ?? _options.Variable("REGISTRY_AUTH_FILE");

    private string DockerDirectory => _options.Variable("DOCKER_CONFIG") ?? Path.Combine(Home, ".docker");

    private string Home => _options.Variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>The credential for a repository, or null: then access is anonymous.</summary>
    /// <exception cref="RegistryException">A file or a helper is broken.</exception>
    public async Task<RegistryCredential?> FindAsync(
        string registry, string repository, CancellationToken cancellationToken)
    {
        RegistryName name = new(registry, repository);
        if (_options.Credential is not null && name.Match(_options.CredentialRegistry ?? "") != 0)
        {
            return _options.Credential;
        }

        foreach (CredentialFile file in _files.Value)
        {
            if (file.FindHelper(name) is { } helper
                && await AskHelperAsync(helper, name.Key, cancellationToken).ConfigureAwait(false) is { } kept)
            {
                return kept;
            }

            if (file.Find(name) is { } credential)
            {
                return credential;
            }
        }

        return null;
    }

    /// <summary>Keeps a credential: in the helper that is configured for the registry, else in <see cref="WritableFile"/>.</summary>
    /// <returns>Where it is kept.</returns>
    public async Task<string> StoreAsync(
        string registry, RegistryCredential credential, CancellationToken cancellationToken)
    {
        RegistryName name = new(registry);
        string path = WritableFile;
        if (CredentialFile.Load(path)?.FindHelper(name) is { } helper)
        {
            await new CredentialHelper(helper, _helpers).StoreAsync(name.Key, credential, cancellationToken)
                .ConfigureAwait(false);
            return "docker-credential-" + helper;
        }

        CredentialFile.Edit(path, name.Key, credential);
        return path;
    }

    /// <summary>Forgets a registry's credential; false when there was none to forget.</summary>
    public async Task<bool> EraseAsync(string registry, CancellationToken cancellationToken)
    {
        RegistryName name = new(registry);
        string path = WritableFile;
        bool erased = false;
        if (CredentialFile.Load(path)?.FindHelper(name) is { } helper)
        {
            erased = await new CredentialHelper(helper, _helpers).EraseAsync(name.Key, cancellationToken)
                .ConfigureAwait(false);
        }

        return CredentialFile.Edit(path, name.Key, null) || erased;
    }

    private Task<RegistryCredential?> AskHelperAsync(string helper, string server, CancellationToken cancellationToken) =>
        _fromHelpers.GetOrAdd(
            $"{helper} {server}",
            _ => new Lazy<Task<RegistryCredential?>>(
                () => new CredentialHelper(helper, _helpers).GetAsync(server, cancellationToken))).Value;

    private List<CredentialFile> Load()
    {
        List<CredentialFile> files = [];
        if (OnlyFile is { } only)
        {
            Add(files, only);
            return files;
        }

        if (_options.Variable("DOCKER_AUTH_CONFIG") is { } text)
        {
            files.Add(CredentialFile.Parse("DOCKER_AUTH_CONFIG", Encoding.UTF8.GetBytes(text)));
        }

        Add(files, Path.Combine(DockerDirectory, "config.json"));
        if (_options.Variable("XDG_RUNTIME_DIR") is { } runtime)
        {
            Add(files, Path.Combine(runtime, "containers", "auth.json"));
        }

        Add(files, Path.Combine(
            _options.Variable("XDG_CONFIG_HOME") ?? Path.Combine(Home, ".config"), "containers", "auth.json"));
        return files;
    }

    private static void Add(List<CredentialFile> files, string path)
    {
        if (CredentialFile.Load(path) is { } file)
        {
            files.Add(file);
        }
    }
}
