// SPDX-License-Identifier: Apache-2.0

using System.Globalization;
using System.Text.Json.Nodes;
using Builder.TestSupport;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>
/// A real container, by runc, that holds nothing but the published static executable, /etc/passwd and certificates, on the
/// host's network, with a volume for the store or, without one, on an overlay as its root: what a pod that runs bld is.
/// </summary>
internal sealed class Pod : IDisposable
{
    private readonly TemporaryDirectory _directory = new("bld-pod-");
    private readonly PodProfile _profile;
    private readonly bool _hasVolume;
    private int _runs;

    public Pod(PodProfile profile, bool hasVolume = true)
    {
        _profile = profile;
        _hasVolume = hasVolume;
        foreach (string name in (string[])["rootfs/etc/ssl/certs", "rootfs/proc", "rootfs/sys", "rootfs/dev", "rootfs/tmp", "rootfs/store", "store", "work", "upper", "overlay", "root"])
        {
            Directory.CreateDirectory(_directory[name]);
        }

        File.Copy(Bld.Executable, _directory["rootfs/bld"]);
        File.WriteAllText(_directory["rootfs/etc/passwd"], "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n");
        string certificates = "/etc/ssl/certs/ca-certificates.crt";
        if (File.Exists(certificates))
        {
            File.Copy(certificates, _directory["rootfs/etc/ssl/certs/ca-certificates.crt"]);
        }

        Give("store");
        Give("work");
        Give(_profile.FirstId == 0 ? "rootfs/store" : "rootfs");
    }

    /// <summary>Why there can be no pod here, or null.</summary>
    public static string? Missing { get; } = FindMissing();

    /// <summary>A file of the build context "work", seen from outside.</summary>
    public string Work(string path) => _directory["work/" + path];

    /// <summary>Writes a file of the build context "work".</summary>
    public void Write(string path, string text)
    {
        _directory.Write("work/" + path, text);
        new Command("find", _directory["work"], "-exec", "touch", "-h", "-d", "@1700000000", "{}", "+").Run().Succeeded();
        Give("work");
    }

    /// <summary>Runs bld in the pod.</summary>
    public CommandResult Run(params string[] arguments) => Run(["/bld", .. arguments], []);

    /// <summary>Runs bld in the pod and expects success.</summary>
    public CommandResult Ok(params string[] arguments) => Run(arguments).Succeeded();

    /// <summary>Runs a command line in the pod with further variables.</summary>
    public CommandResult Run(string[] commandLine, string[] environment)
    {
        File.WriteAllText(_directory["config.json"], Config(commandLine, environment).ToJsonString());
        string id = string.Create(CultureInfo.InvariantCulture, $"pod-{Environment.ProcessId}-{Guid.NewGuid():N}-{_runs++}");

        // runc manages pure cgroup2 only; a mount namespace of its own can have that on any machine.
        const string Script =
            "mount --make-rprivate / && { umount -l /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup; }"
            + " && { [ -z \"$4\" ] || mount -t overlay overlay -o \"lowerdir=$2/rootfs,upperdir=$2/upper,workdir=$2/overlay\" \"$2/root\"; }"
            + " && exec runc --root \"$1\" run -b \"$2\" \"$3\"";
        return new Command("unshare", "-m", "sh", "-c", Script, "sh", _directory["runc"], _directory.Path, id, _hasVolume ? "" : "overlay").Run();
    }

    /// <summary>The diffIDs of an image, lowest first.</summary>
    public string[] DiffIds(string image) =>
        Ok("image", "inspect", "-f", "{{range .RootFS.Layers}}{{.}} {{end}}", image).Text
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What is in the store's tmp/.</summary>
    public string[] Leftovers()
    {
        string path = _directory[_hasVolume ? "store/tmp" : "upper/store/tmp"];
        return Directory.Exists(path)
            ? [.. Directory.EnumerateFileSystemEntries(path, "*", SearchOption.AllDirectories)]
            : [];
    }

    public void Dispose() => _directory.Dispose();

    private static string? FindMissing() =>
        !string.Equals(Environment.UserName, "root", StringComparison.Ordinal) ? "needs root"
        : !File.Exists("/usr/sbin/runc") && !File.Exists("/usr/bin/runc") ? "runc is not installed"
        : null;

    private void Give(string directory)
    {
        uint user = _profile.FirstId + _profile.UserId;
        string owner = string.Create(CultureInfo.InvariantCulture, $"{user}:{user}");
        new Command("chown", "-R", owner, _directory[directory]).Run().Succeeded();
    }

    private JsonObject Config(string[] commandLine, string[] environment)
    {
        JsonObject config = JsonNode.Parse($$"""
            {
              "ociVersion": "1.0.2",
              "process": {
                "user": {"uid": {{_profile.UserId}}, "gid": {{_profile.UserId}}},
                "env": ["PATH=/", "HOME=/tmp", "BLD_ROOT=/store", "TMPDIR=/tmp"],
                "cwd": "/work",
                "noNewPrivileges": {{(_profile.NoNewPrivileges ? "true" : "false")}}
              },
              "root": {"path": "rootfs", "readonly": false},
              "hostname": "pod",
              "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
                {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
                {"destination": "/etc/resolv.conf", "type": "bind", "source": "/etc/resolv.conf", "options": ["bind", "ro"]}
              ],
              "linux": {
                "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
                "resources": {"devices": [
                  {"allow": false, "access": "rwm"},
                  {"allow": true, "type": "c", "access": "m"}, {"allow": true, "type": "b", "access": "m"},
                  {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
                  {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
                  {"allow": true, "type": "c", "major": 1, "minor": 7, "access": "rwm"},
                  {"allow": true, "type": "c", "major": 1, "minor": 8, "access": "rwm"},
                  {"allow": true, "type": "c", "major": 1, "minor": 9, "access": "rwm"},
                  {"allow": true, "type": "c", "major": 5, "minor": 0, "access": "rwm"}
                ]}
              }
            }
            """)!.AsObject();
        JsonNode process = config["process"]!;
        process["args"] = Texts(commandLine);
        foreach (string variable in environment)
        {
            process["env"]!.AsArray().Add((JsonNode)JsonValue.Create(variable)!);
        }

        // Kubernetes has no ambient capabilities: a user other than root has them in the bounding set only.
        process["capabilities"] = new JsonObject
        {
            ["bounding"] = Texts(_profile.Capabilities),
            ["effective"] = Texts(_profile.UserId == 0 ? _profile.Capabilities : []),
            ["permitted"] = Texts(_profile.UserId == 0 ? _profile.Capabilities : []),
        };
        config["root"]!["path"] = _hasVolume ? "rootfs" : "root";
        foreach ((string source, string target) in (ReadOnlySpan<(string, string)>)[("store", "/store"), ("work", "/work")])
        {
            if (source == "store" && !_hasVolume)
            {
                continue;
            }

            config["mounts"]!.AsArray().Add((JsonNode)new JsonObject
            {
                ["destination"] = target,
                ["type"] = "bind",
                ["source"] = _directory[source],
                ["options"] = Texts(["rbind", "rw"]),
            });
        }

        if (_profile.HasAllDevices)
        {
            config["linux"]!["resources"]!["devices"] = JsonNode.Parse("""[{"allow": true, "access": "rwm"}]""");
        }

        if (_profile.FirstId != 0)
        {
            JsonNode ids = JsonNode.Parse(string.Create(
                CultureInfo.InvariantCulture, $$"""[{"containerID": 0, "hostID": {{_profile.FirstId}}, "size": 65536}]"""))!;
            config["linux"]!["namespaces"]!.AsArray().Add(JsonNode.Parse("""{"type": "user"}"""));
            config["linux"]!["uidMappings"] = ids;
            config["linux"]!["gidMappings"] = ids.DeepClone();
        }

        if (_profile.IsProcMasked)
        {
            config["linux"]!["maskedPaths"] = Texts(
            [
                "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ]);
            config["linux"]!["readonlyPaths"] = Texts(
                ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
        }

        if (SeccompDocument.Make(_profile.Seccomp, _profile.Capabilities) is { } seccomp)
        {
            config["linux"]!["seccomp"] = seccomp;
        }

        return config;
    }

    private static JsonArray Texts(IEnumerable<string> texts) =>
        new([.. texts.Select(text => (JsonNode?)JsonValue.Create(text))]);
}
