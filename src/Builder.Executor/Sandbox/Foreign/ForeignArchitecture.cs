// SPDX-License-Identifier: Apache-2.0

using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Builder.Executor.Sandbox.Foreign;

/// <summary>
/// What the kernel and qemu must know of an architecture: how its ELF files begin, and qemu's name for it. Source: elf(5),
/// the kernel's binfmt_misc.rst, each ABI's system calls.
/// </summary>
internal sealed class ForeignArchitecture
{
    private const int ClassOffset = 4;
    private const int DataOffset = 5;
    private const int TypeOffset = 16;
    private const int MachineOffset = 18;
    private const int MagicBytes = 20;
    private const ulong LoadAddress = 0x400000;
    private const int LoadAlignment = 0x10000;
    private const int MachinePpc64 = 21;
    private const uint PpcSecondAbi = 2; // without it the entry point is taken for the address of a descriptor

    private static readonly ImmutableDictionary<string, ForeignArchitecture> s_all = new ForeignArchitecture[]
    {
        new("amd64", "x86_64", 62, is64: true, isLittle: true, "b83c00000031ff0f05"),
        new("386", "i386", 3, is64: false, isLittle: true, "b80100000031dbcd80"),
        new("arm64", "aarch64", 183, is64: true, isLittle: true, "000080d2a80b80d2010000d4"),
        new("arm", "arm", 40, is64: false, isLittle: true, "0000a0e30170a0e3000000ef"),
        new("riscv64", "riscv64", 243, is64: true, isLittle: true, "130500009308d00573000000"),
        new("ppc64le", "ppc64le", MachinePpc64, is64: true, isLittle: true, "010000380000603802000044"),
        new("s390x", "s390x", 22, is64: true, isLittle: false, "a72900000a01"),
        new("mips64le", "mips64el", 8, is64: true, isLittle: true, "c2130224252000000c000000"),
        new("mips64", "mips64", 8, is64: true, isLittle: false, "240213c2000020250000000c"),
        new("loong64", "loongarch64", 258, is64: true, isLittle: true, "04008002 0b748102 00002b00".Replace(" ", "", StringComparison.Ordinal)),
    }.ToImmutableDictionary(architecture => architecture.Name, StringComparer.Ordinal);

    private readonly int _machine;
    private readonly bool _is64;
    private readonly bool _isLittle;
    private readonly byte[] _exit;

    private ForeignArchitecture(string name, string qemuName, int machine, bool is64, bool isLittle, string exit)
    {
        Name = name;
        QemuName = qemuName;
        _machine = machine;
        _is64 = is64;
        _isLittle = isLittle;
        _exit = Convert.FromHexString(exit);
    }

    /// <summary>As platforms name it.</summary>
    public string Name { get; }

    /// <summary>As qemu names it.</summary>
    public string QemuName { get; }

    /// <summary>The architecture that a platform names, or null when it is not known.</summary>
    public static ForeignArchitecture? Find(string name) => s_all.GetValueOrDefault(name);

    /// <summary>The line that registers an interpreter for its executables; the kernel opens it at once and keeps it.</summary>
    public string Registration(string interpreter)
    {
        Span<byte> magic = stackalloc byte[MagicBytes];
        Span<byte> mask = stackalloc byte[MagicBytes];
        WriteIdentity(magic);
        mask.Fill(0xFF);
        mask[7] = 0; // any OS ABI
        mask[_isLittle ? TypeOffset : TypeOffset + 1] = 0xFE; // executables and shared objects: 2 and 3
        return $":bld-{QemuName}:M::{Escape(magic)}:{Escape(mask)}:{interpreter}:OCF";
    }

    /// <summary>The smallest programme: it exits with status 0.</summary>
    public byte[] Probe()
    {
        int headerBytes = _is64 ? 64 : 52;
        int segmentBytes = _is64 ? 56 : 32;
        byte[] file = new byte[headerBytes + segmentBytes + _exit.Length];
        WriteIdentity(file);
        Write32(file.AsSpan(20), 1);
        ulong entry = LoadAddress + (ulong)headerBytes + (ulong)segmentBytes;
        int offset = 24;
        WriteWord(file, ref offset, entry);
        WriteWord(file, ref offset, (ulong)headerBytes); // where the segments are described
        WriteWord(file, ref offset, 0);
        Write32(file.AsSpan(offset), _machine == MachinePpc64 ? PpcSecondAbi : 0); // flags
        offset += 4;
        foreach (int value in (ReadOnlySpan<int>)[headerBytes, segmentBytes, 1, 0, 0, 0])
        {
            Write16(file.AsSpan(offset), value);
            offset += 2;
        }

        WriteSegment(file, headerBytes);
        _exit.CopyTo(file, headerBytes + segmentBytes);
        return file;
    }

    private static string Escape(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (byte value in bytes)
        {
            text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }

        return text.ToString();
    }

    // PT_LOAD of the whole file, readable and executable.
    private void WriteSegment(byte[] file, int offset)
    {
        const int Load = 1;
        const int ReadExecute = 5;
        Write32(file.AsSpan(offset), Load);
        offset += 4;
        if (_is64)
        {
            Write32(file.AsSpan(offset), ReadExecute);
            offset += 4;
        }

        WriteWord(file, ref offset, 0);
        WriteWord(file, ref offset, LoadAddress);
        WriteWord(file, ref offset, LoadAddress);
        WriteWord(file, ref offset, (ulong)file.Length);
        WriteWord(file, ref offset, (ulong)file.Length);
        if (!_is64)
        {
            Write32(file.AsSpan(offset), ReadExecute);
            offset += 4;
        }

        WriteWord(file, ref offset, LoadAlignment);
    }

    private void WriteIdentity(Span<byte> file)
    {
        const int Executable = 2;
        "\u007fELF"u8.CopyTo(file);
        file[ClassOffset] = (byte)(_is64 ? 2 : 1);
        file[DataOffset] = (byte)(_isLittle ? 1 : 2);
        file[6] = 1;
        Write16(file[TypeOffset..], Executable);
        Write16(file[MachineOffset..], _machine);
    }

    private void Write16(Span<byte> target, int value)
    {
        if (_isLittle)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(target, (ushort)value);
        }
    }

    private void Write32(Span<byte> target, uint value)
    {
        if (_isLittle)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(target, value);
        }
    }

    private void WriteWord(byte[] file, ref int offset, ulong value)
    {
        Span<byte> target = file.AsSpan(offset);
        if (!_is64)
        {
            Write32(target, (uint)value);
            offset += 4;
            return;
        }

        Write32(target[(_isLittle ? 0 : 4)..], (uint)value);
        Write32(target[(_isLittle ? 4 : 0)..], (uint)(value >> 32));
        offset += 8;
    }
}
