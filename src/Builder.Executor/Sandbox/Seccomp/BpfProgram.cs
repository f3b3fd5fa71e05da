// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Seccomp;

/// <summary>
/// Assembles classic BPF with labels. Conditional jumps of classic BPF reach 255 instructions; here they only ever step
/// over one unconditional jump, which reaches everywhere. Source: the kernel's filter.h and seccomp(2).
/// </summary>
internal sealed class BpfProgram
{
    private const ushort LoadAbsoluteWord = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpAlways = 0x05; // BPF_JMP | BPF_JA
    private const ushort JumpEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    private const ushort JumpGreaterOrEqual = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    private const ushort JumpAnyBit = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    private const ushort AndConstant = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private const ushort ReturnConstant = 0x06; // BPF_RET | BPF_K

    private readonly List<BpfInstruction> _instructions = [];
    private readonly List<int> _labels = [];
    private readonly List<(int Instruction, int Label)> _references = [];

    /// <summary>A label to be placed later.</summary>
    public int NewLabel()
    {
        _labels.Add(-1);
        return _labels.Count - 1;
    }

    /// <summary>The label means the next instruction.</summary>
    public void Place(int label) => _labels[label] = _instructions.Count;

    /// <summary>Loads a 32-bit word of seccomp_data.</summary>
    public void Load(int offset) => Emit(LoadAbsoluteWord, (uint)offset);

    /// <summary>Masks what is loaded.</summary>
    public void And(uint mask) => Emit(AndConstant, mask);

    /// <summary>Ends with an action.</summary>
    public void Return(uint action) => Emit(ReturnConstant, action);

    /// <summary>Goes to a label.</summary>
    public void Jump(int label)
    {
        _references.Add((_instructions.Count, label));
        Emit(JumpAlways, 0);
    }

    /// <summary>Goes to a label when what is loaded equals a value.</summary>
    public void JumpIfEqual(uint value, int label) => JumpIf(JumpEqual, value, label);

    /// <summary>Goes to a label when what is loaded is at least a value.</summary>
    public void JumpIfAtLeast(uint value, int label) => JumpIf(JumpGreaterOrEqual, value, label);

    /// <summary>Goes to a label when what is loaded has any of some bits.</summary>
    public void JumpIfAnyBit(uint bits, int label) => JumpIf(JumpAnyBit, bits, label);

    /// <summary>The instructions with labels resolved; all jumps go forward.</summary>
    public BpfInstruction[] Assemble()
    {
        BpfInstruction[] result = [.. _instructions];
        foreach ((int index, int label) in _references)
        {
            int distance = _labels[label] - index - 1;
            ArgumentOutOfRangeException.ThrowIfNegative(distance, nameof(label));
            result[index].Constant = (uint)distance;
        }

        return result;
    }

    private void JumpIf(ushort operation, uint value, int label)
    {
        _instructions.Add(new BpfInstruction { Code = operation, JumpTrue = 0, JumpFalse = 1, Constant = value });
        Jump(label);
    }

    private void Emit(ushort code, uint constant) =>
        _instructions.Add(new BpfInstruction { Code = code, Constant = constant });
}

/// <summary>struct sock_filter.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfInstruction
{
    public ushort Code;
    public byte JumpTrue;
    public byte JumpFalse;
    public uint Constant;
}
