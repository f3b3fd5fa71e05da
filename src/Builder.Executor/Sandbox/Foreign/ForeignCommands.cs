// SPDX-License-Identifier: Apache-2.0

using System.Runtime.InteropServices;
using System.Text;
using Builder.Executor.Content;
using Builder.Executor.Interop;
using Builder.Executor.Sandbox.Mounts;
using Builder.Executor.Sandbox.Spawning;
using Builder.Frontend.Naming;

namespace Builder.Executor.Sandbox.Foreign;

/// <summary>
/// Makes commands of another architecture runnable. What the machine's binfmt_misc offers is used; where it offers
/// nothing and this process is in a user namespace, qemu is registered for that namespace alone (Linux 6.7), so that
/// nothing outside this build changes. The registration lasts as long as this object. Thread-safe.
/// </summary>
internal sealed class ForeignCommands(TemporaryFiles tmp) : IDisposable
{
    private const string FileSystem = "binfmt_misc";
    private const int ProbeSeconds = 10;
    private const int MaxBusyAttempts = 100;
    private const int ProbeMode = 0b111_000_000;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _ready = new(StringComparer.Ordinal);
    private DetachedMount? _instance;

    /// <summary>True when commands of a platform cannot be executed here without further ado.</summary>
    public static bool IsForeign(Platform platform) => platform.Architecture != HostArchitecture();

    /// <summary>Makes sure that commands of a platform can be executed.</summary>
    /// <exception cref="SandboxException">They cannot; the hint says what is missing.</exception>
    public void Ensure(Platform platform)
    {
        if (!IsForeign(platform))
        {
            return;
        }

        lock (_lock)
        {
            if (_ready.Contains(platform.Architecture))
            {
                return;
            }

            if (ForeignArchitecture.Find(platform.Architecture) is not { } architecture)
            {
                throw new SandboxException($"run commands of {platform}: bld knows no emulator for {platform.Architecture}");
            }

            if (!CanExecute(architecture))
            {
                Register(architecture, platform);
            }

            _ready.Add(platform.Architecture);
        }
    }

    /// <summary>True when the kernel executes programmes of that architecture, by itself or by what is registered.</summary>
    public bool CanExecute(ForeignArchitecture architecture)
    {
        string path = tmp.NewPath("probe");
        using (var file = new DescriptorStream(
            AtCalls.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, ProbeMode), canWrite: true))
        {
            file.Write(architecture.Probe());
        }

        try
        {
            return CanExecute(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The statically linked user emulator of an architecture, or null.</summary>
    public static string? FindEmulator(ForeignArchitecture architecture) =>
        new[] { $"qemu-{architecture.QemuName}-static", $"qemu-{architecture.QemuName}" }
            .Select(ProcessStarter.FindInPath)
            .FirstOrDefault(path => path is not null && IsStatic(path));

    /// <inheritdoc/>
    public void Dispose() => _instance?.Dispose();

    private static string HostArchitecture() => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.Arm64 => "arm64",
        Architecture other => other.ToString().ToLowerInvariant(),
    };

    private static bool CanExecute(string path)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                ProcessStarter.Run(
                    new ProcessRequest(path, []) { Timeout = TimeSpan.FromSeconds(ProbeSeconds) }, CancellationToken.None);
                return true;
            }
            catch (SandboxException failure) when (failure.Errno == Errno.ENOEXEC)
            {
                return false;
            }
            catch (SandboxException failure) when (failure.Errno == Errno.ETXTBSY && attempt < MaxBusyAttempts)
            {
                // A child that another thread is just starting still holds the file open.
            }
        }
    }

    /// <summary>True for an ELF file that needs no interpreter of its own: it must work inside any root.</summary>
    private static bool IsStatic(string path)
    {
        const int MaxHeadBytes = 4096;
        const int InterpreterSegment = 3;
        byte[] head = new byte[MaxHeadBytes];
        using FileStream file = File.OpenRead(path);
        int length = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (length < 64 || !head.AsSpan(0, 4).SequenceEqual("\u007fELF"u8) || head[4] != 2 || head[5] != 1)
        {
            return false;
        }

        long offset = BitConverter.ToInt64(head, 32);
        int size = BitConverter.ToUInt16(head, 54);
        int count = BitConverter.ToUInt16(head, 56);
        for (int i = 0; i < count && offset + ((long)i * size) + 4 <= length; i++)
        {
            if (BitConverter.ToInt32(head, (int)offset + (i * size)) == InterpreterSegment)
            {
                return false;
            }
        }

        return true;
    }

    private void Register(ForeignArchitecture architecture, Platform platform)
    {
        string subject = $"run commands of {platform}: nothing is registered in binfmt_misc for {architecture.Name}";
        string? emulator = FindEmulator(architecture);
        if (emulator is null)
        {
            throw new SandboxException($"{subject}, and there is no qemu-{architecture.QemuName}-static")
            {
                Hint = "install it (Debian: qemu-user-static); binfmt-support registers it for the whole machine, "
                    + "without that bld does so for the build alone",
            };
        }

        if (!HostFacts.Current.IsInUserNamespace)
        {
            throw new SandboxException(subject)
            {
                Hint = $"with --isolation userns bld registers {emulator} for the build alone; "
                    + "for the whole machine install binfmt-support",
            };
        }

        try
        {
            _instance ??= Mount();
            using FileDescriptor register = AtCalls.Open(_instance.Handle.Number(), "register"u8, OpenFlags.WriteOnly);
            using var stream = new DescriptorStream(register, canWrite: true);
            stream.Write(Encoding.ASCII.GetBytes(architecture.Registration(emulator)));
        }
        catch (SandboxException failure)
        {
            throw new SandboxException($"{subject}, and this kernel has none for user namespaces ({failure.Message})")
            {
                Hint = $"use Linux 6.7 or newer, or have root register {emulator} (Debian: binfmt-support)",
            };
        }
        catch (LinuxException failure)
        {
            throw new SandboxException($"{subject}: register {emulator}: {failure.Message}", failure);
        }
    }

    private static DetachedMount Mount()
    {
        using DetachedMount.FileSystemContext context = DetachedMount.FileSystemContext.Open(FileSystem);
        return context.Mount(0);
    }
}
