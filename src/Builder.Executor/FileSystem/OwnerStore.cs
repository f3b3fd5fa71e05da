// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text;
using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.FileSystem;

/// <summary>
/// Sets and reads the owner, mode and device of files of a layer. What the disk cannot hold for this process is recorded
/// beside it: in the attribute <c>user.bld.owner</c> = <c>uid:gid:mode[:c|b:major:minor]</c> (mode octal, or "-" for what
/// stat says), which follows renames and hard links and vanishes with the file; for symbolic links, fifos and sockets,
/// which take no user attribute, in a table file keyed by inode and time of birth. This class alone knows the format.
/// Thread-safe.
/// </summary>
internal sealed class OwnerStore
{
    /// <summary>The attribute.</summary>
    public const string AttributeName = "user.bld.owner";

    private const int OwnerReadWrite = 0b110_000_000;
    private const int OwnerAll = 0b111_000_000;

    private readonly string? _tablePath;
    private readonly Lock _lock = new();
    private Dictionary<(ulong Inode, long Seconds, uint Nanoseconds), string>? _table;

    /// <summary>An owner store for one layer.</summary>
    /// <param name="mode">What the disk can hold.</param>
    /// <param name="tablePath">The table file, made when something must be recorded there; null to do without.</param>
    public OwnerStore(OwnershipMode mode, string? tablePath)
    {
        Mode = mode;
        _tablePath = tablePath;
    }

    /// <summary>What the disk can hold.</summary>
    public OwnershipMode Mode { get; }

    /// <summary>
    /// Gives an existing file its owner and mode. Order matters: changing the owner clears set-id bits and capabilities,
    /// so attributes come after this. Under <see cref="OwnershipMode.SingleIdShadowedModes"/> directories stay writable.
    /// </summary>
    /// <param name="directory">A held directory.</param>
    /// <param name="name">A name in it.</param>
    /// <param name="wanted">What the image says.</param>
    public void Apply(int directory, ReadOnlySpan<byte> name, in RecordedAttributes wanted)
    {
        bool isSymlink = wanted.Kind == FileKind.Symlink;
        bool ownerIsOnDisk = ApplyOwner(directory, name, wanted.UserId, wanted.GroupId);
        int diskMode = wanted.Mode;
        if (!isSymlink)
        {
            if (Mode == OwnershipMode.SingleIdShadowedModes)
            {
                diskMode |= wanted.Kind == FileKind.Directory ? OwnerAll : OwnerReadWrite;
            }

            AtCalls.Chmod(directory, name, diskMode);
        }

        if (!ownerIsOnDisk || diskMode != wanted.Mode)
        {
            Record(directory, name, wanted, diskMode != wanted.Mode);
        }
    }

    /// <summary>
    /// Makes a device node, fifo or socket name with its owner and mode. Where device nodes are refused, an empty
    /// regular file with the attribute stands for one.
    /// </summary>
    public void MakeNode(int directory, ReadOnlySpan<byte> name, in RecordedAttributes wanted)
    {
        int type = wanted.Kind switch
        {
            FileKind.CharacterDevice => FileType.CharacterDevice,
            FileKind.BlockDevice => FileType.BlockDevice,
            FileKind.Fifo => FileType.Fifo,
            _ => throw new ArgumentException($"{wanted.Kind} is not a node", nameof(wanted)),
        };
        bool isDevice = wanted.Kind != FileKind.Fifo;
        if (AtCalls.RawMknod(directory, name, type | OwnerReadWrite, wanted.DeviceMajor, wanted.DeviceMinor))
        {
            Apply(directory, name, wanted);
            return;
        }

        if (!isDevice || AtCalls.LastError() is not (Errno.EPERM or Errno.EACCES))
        {
            throw AtCalls.Failure("make node", directory, name);
        }

        if (Mode == OwnershipMode.Native)
        {
            throw AtCalls.Failure("make device node", directory, name);
        }

        AtCalls.Open(
            directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, OwnerReadWrite).Dispose();
        ApplyOwner(directory, name, wanted.UserId, wanted.GroupId);
        Record(directory, name, wanted, recordMode: true);
    }

    /// <summary>What the image says of a file, from its status and what is recorded.</summary>
    public RecordedAttributes Read(int directory, ReadOnlySpan<byte> name, in FileStatus status)
    {
        RecordedAttributes attributes = RecordedAttributes.From(status);
        if (Mode == OwnershipMode.Native)
        {
            return attributes;
        }

        if (Mode is OwnershipMode.SingleId or OwnershipMode.SingleIdShadowedModes)
        {
            // Our own id is what the image calls root.
            attributes = attributes with
            {
                UserId = status.UserId == Libc.GetEffectiveUserId() ? 0 : status.UserId,
                GroupId = IsOwnGroup(status) ? 0 : status.GroupId,
            };
        }

        string? record = TakesUserAttributes(status.Kind)
            ? ReadAttribute(directory, name)
            : FindInTable(status.Inode, status.Birth);
        return record is null ? attributes : Parse(record, attributes);
    }

    /// <summary>
    /// Records attributes without touching owner and mode on disk; for the ledger of a running step, which answers the
    /// step from these records. Through a merged overlay this forces the copy-up that puts the file into the layer.
    /// </summary>
    public void Record(int directory, ReadOnlySpan<byte> name, in RecordedAttributes wanted, bool recordMode)
    {
        string text = Format(wanted, recordMode);
        FileStatus status = AtCalls.Stat(directory, name);
        if (TakesUserAttributes(status.Kind))
        {
            Xattrs.Set(directory, name, AttributeName, Encoding.ASCII.GetBytes(text));
        }
        else
        {
            RecordInTable(status.Inode, status.Birth, wanted, recordMode);
        }
    }

    /// <summary>What the image says of a file that is held, be it as a mere reference.</summary>
    public RecordedAttributes ReadHeld(int descriptor, in FileStatus status)
    {
        RecordedAttributes attributes = RecordedAttributes.From(status) with
        {
            UserId = status.UserId == Libc.GetEffectiveUserId() ? 0 : status.UserId,
            GroupId = IsOwnGroup(status) ? 0 : status.GroupId,
        };
        if (TakesUserAttributes(status.Kind))
        {
            return Xattrs.GetHeld(descriptor, AttributeName) is { } value
                ? Parse(Encoding.ASCII.GetString(value), attributes)
                : attributes;
        }

        return FindInTable(status.Inode, status.Birth) is { } record ? Parse(record, attributes) : attributes;
    }

    /// <summary>Forgets what is recorded of a file or directory that is held.</summary>
    public static void ForgetHeld(int descriptor) => Xattrs.RawRemoveHeld(descriptor, AttributeName);

    /// <summary>What is recorded of a file or directory that is held (a mere reference suffices); null when nothing is.</summary>
    public static RecordedAttributes? FindHeld(int descriptor, in FileStatus status) =>
        TakesUserAttributes(status.Kind) && Xattrs.GetHeld(descriptor, AttributeName) is { } value
            ? Parse(Encoding.ASCII.GetString(value), RecordedAttributes.From(status))
            : null;

    /// <summary>Records attributes of a file or directory that is held; false with errno on failure.</summary>
    public static bool RawRecordHeld(int descriptor, in RecordedAttributes wanted, bool recordMode) =>
        Xattrs.RawSetHeld(descriptor, AttributeName, Encoding.ASCII.GetBytes(Format(wanted, recordMode)));

    /// <summary>Records attributes of a symbolic link, fifo or socket by the layer's own inode.</summary>
    public void RecordInTable(ulong inode, FileTime birth, in RecordedAttributes wanted, bool recordMode)
    {
        if (_tablePath is null)
        {
            return;
        }

        AddToTable(inode, birth, Format(wanted, recordMode));
    }

    /// <summary>Takes over what another store has recorded of a file that was moved here, inode and all.</summary>
    public void Adopt(OwnerStore from, in FileStatus status)
    {
        ArgumentNullException.ThrowIfNull(from);
        if (Mode != OwnershipMode.Native && !TakesUserAttributes(status.Kind)
            && from.FindInTable(status.Inode, status.Birth) is { } record)
        {
            AddToTable(status.Inode, status.Birth, record);
        }
    }

    // Also of what a volume's directory gave its own group (set-group bit, a pod's fsGroup): nobody chose that group.
    private static bool IsOwnGroup(in FileStatus status) =>
        status.UserId == Libc.GetEffectiveUserId() || status.GroupId == Libc.GetEffectiveGroupId();

    private static bool TakesUserAttributes(FileKind kind) => kind is FileKind.Regular or FileKind.Directory;

    private static string? ReadAttribute(int directory, ReadOnlySpan<byte> name) =>
        Xattrs.Get(directory, name, AttributeName) is { } value ? Encoding.ASCII.GetString(value) : null;

    private static string Format(in RecordedAttributes wanted, bool recordMode)
    {
        string mode = recordMode ? Convert.ToString(wanted.Mode, 8) : "-";
        string device = wanted.Kind switch
        {
            FileKind.CharacterDevice => $":c:{wanted.DeviceMajor}:{wanted.DeviceMinor}",
            FileKind.BlockDevice => $":b:{wanted.DeviceMajor}:{wanted.DeviceMinor}",
            _ => "",
        };
        return $"{wanted.UserId}:{wanted.GroupId}:{mode}{device}";
    }

    // A damaged record is as none: the file then has what the disk says.
    private static RecordedAttributes Parse(string record, RecordedAttributes disk)
    {
        string[] fields = record.Split(':');
        if (fields.Length is not (3 or 6)
            || !TryParse(fields[0], out uint user) || !TryParse(fields[1], out uint group))
        {
            return disk;
        }

        int mode = disk.Mode;
        if (fields[2] != "-")
        {
            mode = 0;
            foreach (char digit in fields[2])
            {
                mode = (mode << 3 | (digit - '0')) & 0xFFF;
            }
        }

        RecordedAttributes result = disk with { UserId = user, GroupId = group, Mode = mode };
        return fields.Length == 6 && TryParse(fields[4], out uint major) && TryParse(fields[5], out uint minor)
            ? result with
            {
                Kind = fields[3] == "b" ? FileKind.BlockDevice : FileKind.CharacterDevice,
                DeviceMajor = major,
                DeviceMinor = minor,
            }
            : result;
    }

    private static bool TryParse(string text, out uint value) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <summary>True when the disk now says this owner.</summary>
    private bool ApplyOwner(int directory, ReadOnlySpan<byte> name, uint user, uint group)
    {
        if (Mode is OwnershipMode.SingleId or OwnershipMode.SingleIdShadowedModes)
        {
            return user == 0 && group == 0;
        }

        if (AtCalls.RawChown(directory, name, user, group))
        {
            return true;
        }

        // EINVAL: an id outside the mapped range.
        return Mode == OwnershipMode.SubIds && AtCalls.LastError() is Errno.EINVAL or Errno.EPERM
            ? false
            : throw AtCalls.Failure("change owner of", directory, name);
    }

    private void AddToTable(ulong inode, FileTime birth, string text)
    {
        lock (_lock)
        {
            Table()[(inode, birth.Seconds, birth.Nanoseconds)] = text;
            File.AppendAllText(
                _tablePath!, string.Create(CultureInfo.InvariantCulture, $"{inode} {birth.Seconds} {birth.Nanoseconds} {text}\n"));
        }
    }

    private string? FindInTable(ulong inode, FileTime birth)
    {
        if (_tablePath is null)
        {
            return null;
        }

        lock (_lock)
        {
            return Table().GetValueOrDefault((inode, birth.Seconds, birth.Nanoseconds));
        }
    }

    private Dictionary<(ulong Inode, long Seconds, uint Nanoseconds), string> Table()
    {
        if (_table is not null)
        {
            return _table;
        }

        _table = [];
        if (!File.Exists(_tablePath))
        {
            return _table;
        }

        foreach (string line in File.ReadLines(_tablePath))
        {
            string[] fields = line.Split(' ');
            if (fields.Length == 4
                && ulong.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)
                && long.TryParse(fields[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds)
                && TryParse(fields[2], out uint nanoseconds))
            {
                _table[(inode, seconds, nanoseconds)] = fields[3];
            }
        }

        return _table;
    }
}
