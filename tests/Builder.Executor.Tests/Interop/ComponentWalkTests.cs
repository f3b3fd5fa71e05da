// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Interop;
using Builder.Solver.Files;
using Builder.TestSupport;
using CsCheck;
using Xunit;

namespace Builder.Executor.Tests.Interop;

/// <summary>The walk by hand against openat2(2) itself.</summary>
public sealed class ComponentWalkTests : IDisposable
{
    private static readonly Gen<string> s_path = Gen.OneOf(
        "a", "b", "c", "f", "..", ".", "", "up", "in", "out", "loop", "abs", "deep", "dangling", "file")
        .Array[1, 6].Select(names => string.Join('/', names)).Where(path => path.Length > 0);

    private readonly TemporaryDirectory _directory = new();
    private readonly FileDescriptor _root;

    public ComponentWalkTests()
    {
        string root = _directory["root"];
        Directory.CreateDirectory(Path.Join(root, "a/b/c"));
        File.WriteAllText(Path.Join(root, "a/b/f"), "f");
        File.WriteAllText(Path.Join(root, "f"), "root");
        File.WriteAllText(_directory["f"], "outside");
        File.CreateSymbolicLink(Path.Join(root, "a/up"), "../..");
        File.CreateSymbolicLink(Path.Join(root, "a/b/in"), "../b/c/");
        File.CreateSymbolicLink(Path.Join(root, "out"), "../../f");
        File.CreateSymbolicLink(Path.Join(root, "loop"), "a/../loop");
        File.CreateSymbolicLink(Path.Join(root, "a/abs"), "/a/b");
        File.CreateSymbolicLink(Path.Join(root, "deep"), "a/abs/in/../../up");
        File.CreateSymbolicLink(Path.Join(root, "a/dangling"), "nowhere");
        File.CreateSymbolicLink(Path.Join(root, "a/b/file"), "/f");
        _root = AtCalls.Open(root, OpenFlags.DirectoryPath);
    }

    public void Dispose()
    {
        _root.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void It_opens_what_the_kernel_opens_and_fails_as_the_kernel_fails() =>
        Gen.Select(
            s_path,
            Gen.Bool,
            Gen.OneOf(OpenFlags.Path, OpenFlags.ReadOnly, OpenFlags.Path | OpenFlags.NoFollow, OpenFlags.ReadOnly | OpenFlags.NoFollow,
                OpenFlags.DirectoryPath, OpenFlags.ReadOnly | OpenFlags.Directory),
            Gen.OneOf(Libc.ResolveInRoot, Libc.ResolveBeneath, Libc.ResolveInRoot | Libc.ResolveNoSymlinks))
        .Sample((path, isAbsolute, flags, resolve) =>
        {
            string text = isAbsolute ? "/" + path : path;
            byte[] bytes = PathEncoding.Encode(text);
            Assert.Equal(
                (text, Outcome(AtCalls.RawOpenResolved(_root.Value, bytes, flags, resolve))),
                (text, Outcome(ComponentWalk.Open(_root.Value, bytes, flags, resolve))));
        }, iter: 5000, threads: 1);

    private static string Outcome(int descriptor)
    {
        if (descriptor < 0)
        {
            return AtCalls.LastError().ToString();
        }

        using var opened = new FileDescriptor(descriptor);
        return $"inode {AtCalls.Stat(opened.Value, []).Inode}";
    }
}
