// SPDX-License-Identifier: Apache-2.0

using System.CommandLine;
using Builder.Cli.CommandLine;
using Builder.Executor.Content;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Executor.Running;
using Builder.Frontend.Naming;

namespace Builder.Cli;

/// <summary>The composition root: makes the objects that a command works with, each when it is first needed.</summary>
internal sealed class Composition : IDisposable
{
    private const int MaxIndexBytes = 4 * 1024 * 1024;

    private readonly Lazy<Store> _store;
    private readonly Lazy<RegistryClient> _registries;
    private readonly Lazy<ImageSource> _imageSource;

    private Composition(CliContext cli, string root, RegistryOptions registryOptions)
    {
        Cli = cli;
        Root = root;
        RegistryOptions = registryOptions;
        _store = new Lazy<Store>(() => Store.Open(root));
        _registries = new Lazy<RegistryClient>(() => new RegistryClient(registryOptions));
        _imageSource = new Lazy<ImageSource>(() => new ImageSource(Store, Registries, progress => Transferred?.Invoke(progress)));
        Containers = new ContainerStore(root);
        Volumes = new VolumeStore(root, cli.Time);
        Control = new ContainerControl(Containers, Volumes);
        ContainerFactory = new ContainerFactory(Containers, Volumes, cli.Time);
    }

    /// <summary>The terminal.</summary>
    public CliContext Cli { get; }

    /// <summary>The store's directory.</summary>
    public string Root { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time => Cli.Time;

    /// <summary>The store.</summary>
    public Store Store => _store.Value;

    /// <summary>The images of the store.</summary>
    public ImageStore Images => Store.Images;

    /// <summary>The containers of the store.</summary>
    public ContainerStore Containers { get; }

    /// <summary>The volumes of the store.</summary>
    public VolumeStore Volumes { get; }

    /// <summary>Acts on containers.</summary>
    public ContainerControl Control { get; }

    /// <summary>Makes containers.</summary>
    public ContainerFactory ContainerFactory { get; }

    /// <summary>How registries are reached.</summary>
    public RegistryOptions RegistryOptions { get; }

    /// <summary>The registries.</summary>
    public RegistryClient Registries => _registries.Value;

    /// <summary>Finds images in the store and in registries, and knows where their layers are.</summary>
    public ImageSource ImageSource => _imageSource.Value;

    /// <summary>Told about layers that are fetched.</summary>
    public Action<TransferProgress>? Transferred { get; set; }

    /// <summary>The composition for the store that the command line and the environment name.</summary>
    public static Composition Open(CliContext cli, ParseResult parsed, GlobalOptions global, RegistryFlags? registry = null) =>
        new(
            cli,
            RootOf(cli, parsed.GetValue(global.Root)),
            registry?.Read(parsed, cli) ?? new RegistryOptions { Time = cli.Time });

    /// <summary>The composition for a store of which the directory is known.</summary>
    public static Composition Open(CliContext cli, string root) => new(cli, root, new RegistryOptions { Time = cli.Time });

    /// <summary>The store's directory: <c>--root</c>, $BLD_ROOT, else the user's data directory; root: /var/lib/bld.</summary>
    public static string RootOf(CliContext cli, string? option)
    {
        if (option is { Length: > 0 } || cli.Variable("BLD_ROOT") is { Length: > 0 })
        {
            return Path.GetFullPath(option is { Length: > 0 } ? option : cli.Variable("BLD_ROOT")!);
        }

        if (Environment.IsPrivilegedProcess)
        {
            return "/var/lib/bld";
        }

        string data = cli.Variable("XDG_DATA_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(
                cli.Variable("HOME") ?? throw new CommandException("no place for the store: HOME is not set") { Hint = "give --root DIR" },
                ".local", "share");
        return Path.GetFullPath(Path.Combine(data, "bld"));
    }

    /// <summary>Parses a name to give to an image: with a tag, without a digest.</summary>
    /// <exception cref="UsageException">Not such a name.</exception>
    public static ImageReference ParseTag(string text)
    {
        ImageReference name = ParseName(text);
        return name.Digest is null
            ? name
            : throw new UsageException($"invalid tag \"{text}\": a digest cannot be given, it follows from the content");
    }

    /// <summary>Parses a name of an image.</summary>
    /// <exception cref="UsageException">Malformed.</exception>
    public static ImageReference ParseName(string text)
    {
        try
        {
            return ImageReference.Parse(text);
        }
        catch (FormatException exception)
        {
            throw new UsageException($"invalid image name \"{text}\": {exception.Message}", exception);
        }
    }

    /// <summary>The image that a name or id means.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public StoredImage GetImage(string nameOrId) => Images.Find(nameOrId)
        ?? throw new CommandException($"no such image: {nameOrId}") { Hint = "'bld images' lists the images of the store" };

    /// <summary>What a name of the store means: a manifest, or an index.</summary>
    /// <exception cref="CommandException">Nothing has that name.</exception>
    public Descriptor DescribeTarget(ImageReference name)
    {
        StoredImage image = GetImage(name.ToString());
        if (Store.References.Find(name) is not { } digest || digest == image.Manifest.Digest)
        {
            return image.Manifest;
        }

        byte[] document = Store.Blobs.TryReadAll(digest, MaxIndexBytes)
            ?? throw new CommandException($"read {name}: blob {digest} is not in the store");
        return new Descriptor { MediaType = MediaTypes.OciIndex, Digest = digest, Size = document.Length };
    }

    /// <summary>Who uses an image, in words, or null.</summary>
    public string? FindUser(StoredImage image)
    {
        ContainerRecord? user = Containers.List().FirstOrDefault(container => container.ImageId == image.Id.ToString());
        if (user is null)
        {
            return null;
        }

        bool isRunning = Containers.ReadState(user.Id).Status == ContainerStatus.Running;
        return $"{(isRunning ? "running " : "stopped ")}container {user.ShortId}";
    }

    /// <summary>A session that runs one container in this process.</summary>
    public ContainerSession CreateSession() => new(Store, Containers, Volumes, ImageSource.Layers, Time, Cli.Isolation);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_registries.IsValueCreated)
        {
            _registries.Value.Dispose();
        }

        if (_store.IsValueCreated)
        {
            _store.Value.Dispose();
        }
    }
}
