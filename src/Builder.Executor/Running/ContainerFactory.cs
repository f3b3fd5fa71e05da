// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Images;

namespace Builder.Executor.Running;

/// <summary>Makes containers: combines request and image, names anonymous volumes, records the result.</summary>
public sealed class ContainerFactory(ContainerStore containers, VolumeStore volumes, TimeProvider time)
{
    /// <summary>Makes a container in state Created; <paramref name="name"/> null chooses one.</summary>
    /// <exception cref="RunException">The name is taken, or there is no command.</exception>
    public ContainerRecord Create(StoredImage image, ContainerRequest request, string? name)
    {
        ContainerRecord container = request.Complete(image, time.GetUtcNow());
        List<ContainerMount> mounts = [];
        List<string> anonymous = [];
        foreach (ContainerMount mount in container.Mounts)
        {
            bool isAnonymous = mount is { Kind: ContainerMountKind.Volume, Source.Length: 0 };
            string source = isAnonymous ? ContainerName.NewId() : mount.Source;
            mounts.Add(mount with { Source = source });
            if (isAnonymous)
            {
                anonymous.Add(source);
            }
        }

        ContainerRecord recorded = containers.Create(
            container with { Mounts = [.. mounts], AnonymousVolumes = [.. anonymous] }, name);
        anonymous.ForEach(volume => volumes.Create(volume, isAnonymous: true));
        return recorded;
    }
}
