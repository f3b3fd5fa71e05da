// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Content;
using Builder.Executor.FileSystem;
using Builder.Executor.Interop;
using Builder.Executor.Layers;
using Builder.Solver.Files;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Layers;

public sealed class LayerApplierTests : IDisposable
{
    private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<byte[], byte[]> s_contents = [];

    private readonly TemporaryDirectory _directory = new();
    private readonly string _root;
    private readonly string _outside;

    public LayerApplierTests()
    {
        _root = Path.Combine(_directory.Path, "layer");
        _outside = Path.Combine(_directory.Path, "outside");
        Directory.CreateDirectory(_root);
        Directory.CreateDirectory(_outside);
        File.WriteAllText(Path.Combine(_outside, "victim"), "untouched");
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_link_out_of_the_root_is_followed_inside_it()
    {
        Apply(
            Link("escape", _outside),
            File_("escape/victim", "evil"),
            Link("up", "../../../../../.."),
            File_("up/planted", "evil"));
        Assert.Equal("untouched", File.ReadAllText(Path.Combine(_outside, "victim")));
        Assert.Equal("evil", File.ReadAllText(_root + _outside + "/victim"));
        Assert.Equal("evil", File.ReadAllText(Path.Combine(_root, "planted")));
        Assert.Equal(_outside, new FileInfo(Path.Combine(_root, "escape")).LinkTarget);
    }

    [Fact]
    public void Dot_dot_in_a_name_stays_at_the_root()
    {
        Apply(File_("../../outside/victim", "evil"), File_("/abs", "a"), File_("./x/../y", "b"));
        Assert.Equal("untouched", File.ReadAllText(Path.Combine(_outside, "victim")));
        Assert.Equal("evil", File.ReadAllText(Path.Combine(_root, "outside/victim")));
        Assert.Equal("a", File.ReadAllText(Path.Combine(_root, "abs")));
        Assert.Equal("b", File.ReadAllText(Path.Combine(_root, "y")));
    }

    [Fact]
    public void A_hard_link_to_a_file_outside_finds_nothing()
    {
        ContentException failure = Assert.Throws<ContentException>(() => Apply(HardLink("x", _outside + "/victim")));
        Assert.Contains("does not exist", failure.Message, StringComparison.Ordinal);
        Apply(Link("escape", _outside));
        Assert.Throws<ContentException>(() => Apply(HardLink("x", "escape/victim")));
    }

    [Fact]
    public void A_file_that_replaces_a_link_is_not_written_through_it()
    {
        Apply(Link("victim", Path.Combine(_outside, "victim")), File_("victim", "evil"));
        Assert.Equal("untouched", File.ReadAllText(Path.Combine(_outside, "victim")));
        Assert.Null(new FileInfo(Path.Combine(_root, "victim")).LinkTarget);
    }

    [Fact]
    public void A_file_that_replaces_a_hard_link_leaves_the_other_name_alone()
    {
        Apply(File_("a", "one"), HardLink("b", "a"), File_("b", "two"));
        Assert.Equal("one", File.ReadAllText(Path.Combine(_root, "a")));
        Assert.Equal("two", File.ReadAllText(Path.Combine(_root, "b")));
    }

    [Fact]
    public void Links_that_go_in_circles_are_an_error()
    {
        ContentException failure = Assert.Throws<ContentException>(
            () => Apply(Link("a", "b"), Link("b", "a"), File_("a/x", "")));
        Assert.Contains("too many symbolic links", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("d/.wh...")]
    public void A_whiteout_of_no_name_is_an_error(string path) =>
        Assert.Throws<ContentException>(() => Apply(File_(path, "")));

    [Fact]
    public void A_layer_cannot_bring_in_marks_of_overlayfs_or_of_the_builder()
    {
        Apply(File_("d/f", "") with
        {
            Xattrs =
            [
                new ExtendedAttribute("user.bld.owner", [.. "1:1:777"u8]),
                new ExtendedAttribute("user.kept", [.. "yes"u8]),
                new ExtendedAttribute("user.overlay.opaque", [.. "y"u8]),
            ],
        });
        using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryPath);
        Assert.Equal(["user.kept"], Xattrs.List(root.Value, "d/f"u8));
    }

    [RootFact]
    public void Whiteouts_become_devices_and_opaque_marks()
    {
        Apply(
            Directory_("a"),
            File_("a/.wh.gone", ""),
            Directory_("b"),
            File_("b/.wh..wh..opq", ""),
            File_("b/new", "x"));
        using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryPath);
        Assert.True(AtCalls.Stat(root.Value, "a/gone"u8).IsWhiteout);
        Assert.True(Whiteout.IsOpaque(root.Value, "b"u8));
        Assert.False(Whiteout.IsOpaque(root.Value, "a"u8));
    }

    [RootFact]
    public void A_whiteout_hides_lower_layers_only()
    {
        Apply(
            File_("file", "stays"), File_(".wh.file", ""),
            Directory_("dir"), File_("dir/f", "stays"), File_(".wh.dir", ""),
            File_(".wh.later", ""), Directory_("later"));
        using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryPath);
        Assert.Equal("stays", File.ReadAllText(Path.Combine(_root, "file")));
        Assert.Equal("stays", File.ReadAllText(Path.Combine(_root, "dir/f")));
        Assert.True(Whiteout.IsOpaque(root.Value, "dir"u8));
        Assert.True(Whiteout.IsOpaque(root.Value, "later"u8));
    }

    [RootFact]
    public void Owners_set_id_bits_devices_times_and_capabilities_arrive()
    {
        byte[] capability = Convert.FromHexString("0100000200040000000000000000000000000000");
        Apply(
            Directory_("d") with { Mode = 0b001_111_000_000, ModifiedSeconds = 7 },
            File_("d/f", "x") with
            {
                Mode = 0b110_100_101_000_000 >> 3 | 0b100_000_000_000,
                UserId = 33,
                GroupId = 34,
                ModifiedSeconds = 1_000_000_000,
                ModifiedNanoseconds = 123_456_789,
                Xattrs = [new ExtendedAttribute("security.capability", [.. capability])],
            },
            Entry("n", FileKind.CharacterDevice) with { DeviceMajor = 1, DeviceMinor = 3, UserId = 5 });
        using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryPath);
        FileStatus file = AtCalls.Stat(root.Value, "d/f"u8);
        Assert.Equal((33u, 34u), (file.UserId, file.GroupId));
        Assert.Equal(0b100_000_000_000, file.Permissions & 0b100_000_000_000);
        Assert.Equal(new FileTime(1_000_000_000, 123_456_789), file.Modification);
        Assert.Equal(capability, Xattrs.Get(root.Value, "d/f"u8, "security.capability"));
        FileStatus node = AtCalls.Stat(root.Value, "n"u8);
        Assert.Equal((FileKind.CharacterDevice, 1u, 3u, 5u), (node.Kind, node.DeviceMajor, node.DeviceMinor, node.UserId));
        Assert.Equal(7, AtCalls.Stat(root.Value, "d"u8).Modification.Seconds);
    }

    [Fact]
    public void Owners_modes_and_devices_that_the_disk_cannot_hold_are_recorded_and_read_back()
    {
        LayerEntry[] entries =
        [
            Directory_("d") with { Mode = 0b101_000_000, UserId = 7, GroupId = 8 },
            File_("d/f", "x") with { Mode = 0b100_100_100_100, UserId = 33, GroupId = 34 },
            File_("d/none", "") with { Mode = 0 },
            Link("d/link", "f") with { UserId = 5, GroupId = 6, Mode = 0b111_111_111 },
            Entry("d/null", FileKind.CharacterDevice) with { DeviceMajor = 1, DeviceMinor = 3, Mode = 0b110_110_110 },
        ];
        string table = Path.Combine(_directory.Path, "owners");
        foreach (OwnershipMode mode in (OwnershipMode[])[OwnershipMode.SingleId, OwnershipMode.SingleIdShadowedModes])
        {
            FileTreeRemover.Remove(_root);
            Directory.CreateDirectory(_root);
            File.Delete(table);
            Apply(new OwnerStore(mode, table), entries.Where(entry => entry.Kind != FileKind.CharacterDevice));
            var owners = new OwnerStore(mode, table);
            using FileDescriptor root = AtCalls.Open(_root, OpenFlags.DirectoryPath);
            foreach (LayerEntry entry in entries.Where(entry => entry.Kind != FileKind.CharacterDevice))
            {
                RecordedAttributes found = owners.Read(root.Value, entry.Path, AtCalls.Stat(root.Value, entry.Path));
                Assert.Equal((entry.Kind, entry.UserId, entry.GroupId), (found.Kind, found.UserId, found.GroupId));
                Assert.Equal(entry.Mode, found.Mode);
            }

            Assert.Equal(Libc.GetEffectiveUserId(), AtCalls.Stat(root.Value, "d/f"u8).UserId);
            if (mode == OwnershipMode.SingleIdShadowedModes)
            {
                Assert.Equal(0b111_000_000, AtCalls.Stat(root.Value, "d"u8).Permissions & 0b111_000_000);
            }

            // The same layer comes out again, whatever the disk could hold.
            using var tar = new LayerTarStream(
                AtCalls.Open(_root, OpenFlags.DirectoryPath), new DiffWalker(owners, null), CancellationToken.None);
            var reader = new LayerTarReader(tar);
            LayerEntry first = reader.Next()!;
            Assert.Equal((7u, 8u, 0b101_000_000), (first.UserId, first.GroupId, first.Mode));
        }
    }

    private void Apply(params LayerEntry[] entries) =>
        Apply(new OwnerStore(OwnershipModes.Detect(), null), entries);

    private void Apply(OwnerStore owners, IEnumerable<LayerEntry> entries)
    {
        using var tar = new MemoryStream();
        var writer = new LayerTarWriter(tar);
        foreach (LayerEntry entry in entries)
        {
            writer.WriteEntry(entry);
            if (entry.HasContent)
            {
                writer.WriteContent(s_contents.GetValue(entry.Path, _ => []));
            }
        }

        writer.Finish();
        tar.Position = 0;
        using var target = new LayerDirectory(_root, owners);
        using var applier = new LayerApplier(target, null);
        applier.Apply(tar, CancellationToken.None);
    }

    private static LayerEntry Entry(string path, FileKind kind) => new()
    {
        Path = PathEncoding.Encode(path),
        Kind = kind,
        Mode = kind == FileKind.Directory ? 0b111_101_101 : 0b110_100_100,
    };

    private static LayerEntry Directory_(string path) => Entry(path, FileKind.Directory);

    private static LayerEntry Link(string path, string target) =>
        Entry(path, FileKind.Symlink) with { LinkTarget = PathEncoding.Encode(target) };

    private static LayerEntry HardLink(string path, string target) =>
        Entry(path, FileKind.Regular) with { HardLinkTo = PathEncoding.Encode(target) };

    private static LayerEntry File_(string path, string content)
    {
        LayerEntry entry = Entry(path, FileKind.Regular) with { Size = content.Length };
        s_contents.Add(entry.Path, System.Text.Encoding.ASCII.GetBytes(content));
        return entry;
    }
}
