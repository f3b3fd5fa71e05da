// SPDX-License-Identifier: Apache-2.0

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Builder.Frontend.Naming;

namespace Builder.Executor.Registry;

/// <summary>
/// The registries of one process: connections and tokens are shared by everything that is pulled and pushed. Thread-safe.
/// </summary>
public sealed class RegistryClient : IDisposable
{
    private readonly RegistryOptions _options;
    private readonly EndpointResolver _resolver;
    private readonly ConcurrentDictionary<(string Registry, bool IsInsecure), Lazy<RegistryConnection>> _connections = new();

    /// <summary>Creates the client. No file is read and nothing is connected before something is asked for.</summary>
    public RegistryClient(RegistryOptions options)
        : this(options, HelperProcess.RunAsync)
    {
    }

    internal RegistryClient(RegistryOptions options, HelperRunner helpers)
    {
        _options = options;
        _resolver = new EndpointResolver(options);
        Credentials = new CredentialStore(options, helpers);
    }

    internal CredentialStore Credentials { get; }

    /// <summary>
    /// Checks a credential with a registry and keeps it where docker would: in the configured helper, else in
    /// config.json (or $REGISTRY_AUTH_FILE). Nothing is kept when the registry refuses it.
    /// </summary>
    /// <returns>Where it is kept.</returns>
    /// <exception cref="RegistryException">Refused, unreachable, or the file cannot be written.</exception>
    public async Task<string> LoginAsync(
        string registry, RegistryCredential credential, CancellationToken cancellationToken)
    {
        registry = RegistryName.Normalise(registry);
        RegistryEndpoint endpoint = _resolver.ForRegistry(registry);
        RegistryOptions options = _options with { Credential = credential, CredentialRegistry = registry };
        CredentialStore only = new(options, (_, _, _, _) => Task.FromResult<HelperResult?>(null));
        using (RegistryConnection connection = new(endpoint, options, only))
        {
            string operation = $"log in to {registry}";
            using HttpResponseMessage response = await connection.SendAsync(
                host => new HttpRequestMessage(HttpMethod.Get, new Uri(host, "v2/")),
                AuthScope.None,
                "",
                operation,
                retry: true,
                cancellationToken).ConfigureAwait(false);
            if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            {
                throw new RegistryException(
                    RegistryFailure.Unauthorized, $"{operation}: the registry refused user \"{credential.UserName}\"")
                {
                    StatusCode = response.StatusCode,
                    Hint = "check the user name and the password; many registries want an access token as the password",
                };
            }

            await RegistryRepository.RequireAsync(response, operation, RegistryFailure.Refused, cancellationToken)
                .ConfigureAwait(false);
        }

        return await Credentials.StoreAsync(registry, credential, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets the credential of a registry; false when there was none.</summary>
    /// <exception cref="RegistryException">The file cannot be read or written.</exception>
    public Task<bool> LogoutAsync(string registry, CancellationToken cancellationToken) =>
        Credentials.EraseAsync(RegistryName.Normalise(registry), cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Lazy<RegistryConnection> connection in _connections.Values)
        {
            if (connection.IsValueCreated)
            {
                connection.Value.Dispose();
            }
        }
    }

    /// <summary>The places that may have an image: its mirrors, then its registry.</summary>
    internal ImmutableArray<RegistryRepository> PullPlaces(ImageReference image) =>
        [.. _resolver.ForPull(image).Select(Open)];

    /// <summary>The place where an image is pushed to.</summary>
    internal RegistryRepository PushPlace(ImageReference image) => Open(_resolver.ForPush(image));

    /// <summary>
    /// Asks the places in order, until one answers. What the registry itself says is what is reported, and which mirrors
    /// failed is said with it.
    /// </summary>
    internal static async Task<(T Answer, int Place)> AskAsync<T>(
        ImmutableArray<RegistryRepository> places, Func<RegistryRepository, Task<T>> ask)
    {
        List<RegistryException> failures = [];
        for (int place = 0; place < places.Length - 1; place++)
        {
            try
            {
                return (await ask(places[place]).ConfigureAwait(false), place);
            }
            catch (RegistryException e) when (places[place].Endpoint.IsMirror)
            {
                failures.Add(e);
            }
        }

        try
        {
            return (await ask(places[^1]).ConfigureAwait(false), places.Length - 1);
        }
        catch (RegistryException e) when (failures.Count > 0)
        {
            string mirrors = string.Join("; ", failures.Select(failure => failure.Message));
            throw new RegistryException(e.Reason, $"{e.Message} (mirrors: {mirrors})", e)
            {
                StatusCode = e.StatusCode,
                Errors = e.Errors,
                Url = e.Url,
                Hint = e.Hint,
            };
        }
    }

    private RegistryRepository Open(RegistryEndpoint endpoint) => new(
        _connections.GetOrAdd(
            (endpoint.Registry, endpoint.IsInsecure),
            _ => new Lazy<RegistryConnection>(() => new RegistryConnection(endpoint, _options, Credentials))).Value,
        endpoint);
}
