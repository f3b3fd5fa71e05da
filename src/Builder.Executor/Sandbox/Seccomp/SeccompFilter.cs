// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;

namespace Builder.Executor.Sandbox.Seccomp;

/// <summary>Makes a filter of rules: a binary search over the call's number for each numbering of this machine.</summary>
internal static class SeccompFilter
{
    private const int NumberOffset = 0;
    private const int ArchitectureOffset = 4;
    private const int ArgumentsOffset = 16;
    private const uint AuditArchX64 = 0xC000003E;
    private const uint AuditArchX86 = 0x40000003;
    private const uint AuditArchArm64 = 0xC00000B7;
    private const uint FileTypeMask = 0xF000; // S_IFMT

    /// <summary>The filter for processes of this machine.</summary>
    /// <param name="rules">At most one for a name; names that a machine does not know are left out.</param>
    /// <param name="otherwise">For calls without a rule.</param>
    /// <param name="beyond">For numbers above all known ones: calls newer than this table.</param>
    /// <param name="foreign">For processes of a numbering that is not known here.</param>
    /// <param name="nativeOnly">32-bit processes count as foreign.</param>
    public static BpfInstruction[] Build(
        IReadOnlyList<SeccompRule> rules, SeccompAction otherwise, SeccompAction beyond, SeccompAction foreign,
        bool nativeOnly = false)
    {
        var program = new BpfProgram();
        program.Load(ArchitectureOffset);
        (uint Audit, SyscallAbi Abi)[] machines =
            RuntimeInformation.ProcessArchitecture == Architecture.Arm64
                ? [(AuditArchArm64, SyscallAbi.Arm64)]
                : nativeOnly
                    ? [(AuditArchX64, SyscallAbi.X64)]
                    : [(AuditArchX64, SyscallAbi.X64), (AuditArchX86, SyscallAbi.X86)];
        int[] labels = [.. machines.Select(_ => program.NewLabel())];
        for (int i = 0; i < machines.Length; i++)
        {
            program.JumpIfEqual(machines[i].Audit, labels[i]);
        }

        program.Return(foreign.Value);
        for (int i = 0; i < machines.Length; i++)
        {
            program.Place(labels[i]);
            program.Load(NumberOffset);
            EmitMachine(program, rules, machines[i].Abi, otherwise, beyond);
        }

        return program.Assemble();
    }

    private static void EmitMachine(
        BpfProgram program, IReadOnlyList<SeccompRule> rules, SyscallAbi abi, SeccompAction otherwise,
        SeccompAction beyond)
    {
        int highest = SyscallNumbers.Names.Max(name => SyscallNumbers.Find(name, abi) ?? 0);
        var fallback = new SeccompRule("", otherwise);
        var byNumber = new SeccompRule[highest + 1];
        Array.Fill(byNumber, fallback);
        foreach (SeccompRule rule in rules)
        {
            if (SyscallNumbers.Find(rule.Name, abi) is { } number)
            {
                byNumber[number] = rule;
            }
        }

        // Neighbours with the same outcome become one range.
        var ranges = new List<(uint First, SeccompRule Rule)>();
        for (int number = 0; number <= highest; number++)
        {
            if (ranges.Count == 0 || !HasSameOutcome(ranges[^1].Rule, byNumber[number]))
            {
                ranges.Add(((uint)number, byNumber[number]));
            }
        }

        ranges.Add(((uint)highest + 1, new SeccompRule("", beyond)));
        EmitSearch(program, CollectionsMarshal.AsSpan(ranges));
    }

    private static bool HasSameOutcome(SeccompRule left, SeccompRule right) =>
        left.AnyOf.IsEmpty && right.AnyOf.IsEmpty && left.Then == right.Then;

    private static void EmitSearch(BpfProgram program, ReadOnlySpan<(uint First, SeccompRule Rule)> ranges)
    {
        if (ranges.Length == 1)
        {
            EmitRule(program, ranges[0].Rule);
            return;
        }

        int middle = ranges.Length / 2;
        int upper = program.NewLabel();
        program.JumpIfAtLeast(ranges[middle].First, upper);
        EmitSearch(program, ranges[..middle]);
        program.Place(upper);
        EmitSearch(program, ranges[middle..]);
    }

    private static void EmitRule(BpfProgram program, SeccompRule rule)
    {
        if (!rule.AnyOf.IsEmpty)
        {
            int then = program.NewLabel();
            foreach (ArgumentCondition condition in rule.AnyOf)
            {
                EmitCondition(program, condition, then);
            }

            program.Return(rule.Otherwise.Value);
            program.Place(then);
        }

        program.Return(rule.Then.Value);
    }

    private static void EmitBelow(BpfProgram program, ArgumentCondition condition, int then)
    {
        int next = program.NewLabel();
        program.JumpIfAtLeast(condition.Value, next);
        if (condition.Test == ArgumentTest.BelowNotZero)
        {
            program.JumpIfEqual(0, next); // with a high word it is not below either
        }

        program.Load(ArgumentsOffset + condition.Argument * sizeof(ulong) + sizeof(uint));
        program.JumpIfEqual(0, then);
        program.Place(next);
    }

    private static void EmitCondition(BpfProgram program, ArgumentCondition condition, int then)
    {
        program.Load(ArgumentsOffset + condition.Argument * sizeof(ulong)); // little endian: the low word is first
        switch (condition.Test)
        {
            case ArgumentTest.Equal:
                program.JumpIfEqual(condition.Value, then);
                return;
            case ArgumentTest.FileType:
                program.And(FileTypeMask);
                program.JumpIfEqual(condition.Value, then);
                return;
            case ArgumentTest.NotZero:
                program.JumpIfAnyBit(uint.MaxValue, then);
                program.Load(ArgumentsOffset + condition.Argument * sizeof(ulong) + sizeof(uint));
                program.JumpIfAnyBit(uint.MaxValue, then);
                return;
            case ArgumentTest.AnyOf:
                program.JumpIfAnyBit(condition.Value, then);
                return;
            case ArgumentTest.Below or ArgumentTest.BelowNotZero:
                EmitBelow(program, condition, then);
                return;
            default:
                int next = program.NewLabel();
                if (condition.Test == ArgumentTest.NotEqual)
                {
                    program.JumpIfEqual(condition.Value, next);
                }
                else
                {
                    program.JumpIfAnyBit(condition.Value, next);
                }

                program.Jump(then);
                program.Place(next);
                return;
        }
    }
}
