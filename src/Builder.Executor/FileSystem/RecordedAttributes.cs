// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;

namespace Builder.Executor.FileSystem;

/// <summary>What an image says of a file: its kind, owner, mode and device numbers, wherever they are recorded.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">Permission, set-id and sticky bits.</param>
/// <param name="UserId">Owner.</param>
/// <param name="GroupId">Group.</param>
/// <param name="DeviceMajor">Numbers of a device node.</param>
/// <param name="DeviceMinor">Numbers of a device node.</param>
internal readonly record struct RecordedAttributes(
    FileKind Kind, int Mode, uint UserId, uint GroupId, uint DeviceMajor = 0, uint DeviceMinor = 0)
{
    /// <summary>What stat says.</summary>
    public static RecordedAttributes From(in FileStatus status) => new(
        status.Kind, status.Permissions, status.UserId, status.GroupId,
        status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? status.DeviceMajor : 0,
        status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice ? status.DeviceMinor : 0);
}
