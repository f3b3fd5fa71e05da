// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Images;
using Builder.Executor.Oci;
using Builder.Executor.Running;
using Builder.Frontend.Naming;
using Builder.Solver.Images;
using Xunit;

namespace Builder.Executor.Tests.Running;

public sealed class ContainerRequestTests
{
    public static TheoryData<string?, string?, string?, string?, string?> Commands => new()
    {
        // entrypoint and cmd of the image, --entrypoint, arguments, what runs
        { "npm run", "dev", null, null, "npm run dev" },
        { "npm run", "dev", null, "build", "npm run build" },
        { null, "python3", null, null, "python3" },
        { null, "python3", null, "sh -i", "sh -i" },
        { "npm run", "dev", "echo", null, "echo" },
        { "npm run", "dev", "echo", "x y", "echo x y" },
        { "npm run", "dev", "", null, "dev" },
        { "npm run", "dev", "", "ls", "ls" },
        { null, null, null, null, null },
        { "npm", null, "", null, null },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Entrypoint_and_command_combine_as_docker_combines_them(
        string? entrypoint, string? cmd, string? option, string? arguments, string? expected)
    {
        ContainerRequest request = Request() with { Entrypoint = option, Arguments = Words(arguments) ?? [] };
        StoredImage image = Image(config => config with { Entrypoint = Words(entrypoint), Cmd = Words(cmd) });
        if (expected is null)
        {
            Assert.Contains("no command specified", Assert.Throws<RunException>(() => Complete(request, image)).Message, StringComparison.Ordinal);
            return;
        }

        Assert.Equal(expected, string.Join(' ', Complete(request, image).Arguments));
    }

    [Fact]
    public void The_image_decides_what_the_command_line_leaves_open()
    {
        StoredImage image = Image(config => config with
        {
            Cmd = ["x"],
            Env = ["A=image", "PATH=/p"],
            User = "app",
            WorkingDir = "/app",
            StopSignal = "SIGQUIT",
            Volumes = ["/data"],
            ExposedPorts = ["80/tcp"],
        });
        ContainerRecord container = Complete(
            Request() with { Environment = ["B=mine", "A=mine"], PublishAll = true }, image);
        Assert.Equal(("app", "/app", "SIGQUIT"), (container.User, container.WorkingDirectory, container.StopSignal));
        Assert.Equal(["PATH=/p", $"HOSTNAME={container.ShortId}", "A=mine", "B=mine"], container.Environment);
        Assert.Equal(("/data", ""), (container.Mounts[0].Target, container.Mounts[0].Source));
        Assert.Equal(new PortMapping("", 0, 80, "tcp"), container.Ports[0]);
        Assert.Matches("^[0-9a-f]{64}$", container.Id);
    }

    [Fact]
    public void A_mount_at_a_declared_volume_takes_its_place()
    {
        ContainerMount bind = ContainerMount.ParseVolume("/host:/data", "/");
        ContainerRequest request = Request() with { Template = ContainerRequest.EmptyTemplate with { Mounts = [bind] } };
        Assert.Equal([bind], Complete(request, Image(config => config with { Cmd = ["x"], Volumes = ["/data/"] })).Mounts);
    }

    private static ContainerRecord Complete(ContainerRequest request, StoredImage image) =>
        request.Complete(image, DateTimeOffset.UnixEpoch);

    private static ContainerRequest Request() => new() { Image = "i", Template = ContainerRequest.EmptyTemplate };

    private static ImmutableArray<string>? Words(string? text) => text is null ? null : [.. text.Split(' ')];

    private static StoredImage Image(Func<ImageConfig, ImageConfig> change) => new()
    {
        Id = Digest.FromHash(System.Security.Cryptography.SHA256.HashData("image"u8)),
        Manifest = new Descriptor { MediaType = MediaTypes.OciManifest, Digest = Digest.FromHash(System.Security.Cryptography.SHA256.HashData("image"u8)), Size = 1 },
        Config = change(new ImageConfig { Platform = new Platform { Os = "linux", Architecture = "amd64" } }),
    };
}
