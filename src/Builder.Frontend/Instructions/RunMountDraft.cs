// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>The mount while its options are read; options may come before the type they depend on.</summary>
internal sealed class RunMountDraft
{
    private string? _required;
    private string? _size;
    private bool _isRequired;
    private long? _sizeBytes;

    public RunMountType Type { get; set; } = RunMountType.Bind;

    public string? Target { get; set; }

    public string? Source { get; set; }

    public string? From { get; set; }

    public bool? ReadWrite { get; set; }

    public string? Id { get; set; }

    public CacheSharing? Sharing { get; set; }

    public string? EnvironmentVariable { get; set; }

    public int? Mode { get; set; }

    public uint? UserId { get; set; }

    public uint? GroupId { get; set; }

    public void SetRequired(string key, bool value)
    {
        _required = key;
        _isRequired = value;
    }

    public void SetSize(string key, long value)
    {
        _size = key;
        _sizeBytes = value;
    }

    public RunMount Complete()
    {
        Refuse(_required, Type is not (RunMountType.Secret or RunMountType.Ssh));
        Refuse(_size, Type != RunMountType.Tmpfs);
        Refuse(EnvironmentVariable is null ? null : "env", Type != RunMountType.Secret);
        CheckOwner();
        CheckSecret();
        return Sharing is not null && Type != RunMountType.Cache
            ? throw new FormatException($"invalid cache sharing set for {Name} mount")
            : new RunMount
            {
                Type = Type,
                Target = Target,
                Source = Source,
                From = From,
                ReadWrite = ReadWrite,
                Id = Id,
                Sharing = Sharing ?? CacheSharing.Shared,
                SizeBytes = _sizeBytes,
                Required = _isRequired,
                EnvironmentVariable = EnvironmentVariable,
                Mode = Mode,
                UserId = UserId,
                GroupId = GroupId,
            };
    }

    private string Name => Type.ToString().ToLowerInvariant();

    private void Refuse(string? key, bool condition)
    {
        if (key is not null && condition)
        {
            throw new FormatException($"unexpected key '{key}' for mount type '{Name}'");
        }
    }

    private void CheckOwner()
    {
        if (Type is RunMountType.Bind or RunMountType.Tmpfs)
        {
            string? key = Mode is not null ? "mode" : UserId is not null ? "uid" : GroupId is not null ? "gid" : null;
            if (key is not null)
            {
                throw new FormatException($"{key} not allowed for \"{Name}\" type mounts");
            }
        }
    }

    private void CheckSecret()
    {
        if (Type != RunMountType.Secret)
        {
            return;
        }

        string? wrong =
            From is not null ? "secret mount should not have a from"
            : Sharing is not null ? "secret mount should not define sharing"
            : Source is null && Target is null && Id is null ? "invalid secret mount. one of source, target required"
            : Source is not null && Id is not null ? "both source and id can't be set"
            : null;
        if (wrong is not null)
        {
            throw new FormatException(wrong);
        }
    }
}
