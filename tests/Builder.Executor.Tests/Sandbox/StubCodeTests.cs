// SPDX-License-Identifier: Apache-2.0

using System.Runtime.CompilerServices;
using Builder.Executor.Sandbox.Spawning;
using Builder.Executor.Sandbox.Stub;
using Xunit;

namespace Builder.Executor.Tests.Sandbox;

/// <summary>The bytes in the source are what the assembly source beside them says.</summary>
public sealed class StubCodeTests
{
    [Fact]
    public void X64_bytes_are_what_the_assembler_makes_of_the_source() =>
        AssertAssembles("as", "objcopy", "stub-x86_64.s", StubCode.X64.ToArray());

    [Fact]
    public void Arm64_bytes_are_what_the_assembler_makes_of_the_source() =>
        AssertAssembles(
            "aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy", "stub-arm64.s", StubCode.Arm64.ToArray());

    private static void AssertAssembles(string assembler, string copier, string source, byte[] expected)
    {
        if (ProcessStarter.FindInPath(assembler) is null || ProcessStarter.FindInPath(copier) is null)
        {
            Assert.Skip($"{assembler} is not installed");
        }

        DirectoryInfo directory = Directory.CreateTempSubdirectory("stub");
        try
        {
            string objectFile = Path.Join(directory.FullName, "stub.o");
            string binary = Path.Join(directory.FullName, "stub.bin");
            Run(assembler, "-o", objectFile, Path.Join(SourceDirectory(), source));
            Run(copier, "-O", "binary", "-j", ".text", objectFile, binary);
            Assert.Equal(Convert.ToHexString(File.ReadAllBytes(binary)), Convert.ToHexString(expected));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static void Run(string name, params string[] arguments)
    {
        ProcessResult result = ProcessStarter.Run(
            new ProcessRequest(name, [.. arguments]), TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode == 0, result.ErrorText);
    }

    private static string SourceDirectory([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Join(Path.GetDirectoryName(file), "../../../src/Builder.Executor/Sandbox/Stub"));
}
