// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;

namespace Builder.EndToEnd.Tests;

/// <summary>A registry that holds busybox:latest (made of Debian's busybox by bld itself), shared by all tests.</summary>
public sealed class Bases : IDisposable
{
    private readonly RegistryServer _registry = new();

    public Bases()
    {
        using var bld = new Bld();
        string context = bld["busybox"];
        new Command(Path.Combine(Repository, "eng", "bases.sh"), "busybox", context).Run().Succeeded();
        bld.Ok("build", "-q", "-t", $"{_registry.Address}/library/busybox:latest", context);
        bld.Ok("push", "-q", $"{_registry.Address}/library/busybox:latest");
        Archive = Path.Combine(Path.GetTempPath(), $"bld-busybox-{Guid.NewGuid():N}.tar");
        bld.Ok("tag", $"{_registry.Address}/library/busybox:latest", "busybox");
        bld.Ok("save", "-o", Archive, "busybox");
    }

    /// <summary>The checkout.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>HOST:PORT of the registry.</summary>
    public string Registry => _registry.Address;

    /// <summary>A docker-archive of busybox.</summary>
    public string Archive { get; }

    /// <summary>The flag that makes docker.io mean this registry.</summary>
    public string[] Mirror => ["--registry-mirror", $"docker.io={Registry}"];

    public void Dispose()
    {
        File.Delete(Archive);
        _registry.Dispose();
    }

    private static string FindRepository()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Builder.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException("the tests run inside the checkout");
    }
}
