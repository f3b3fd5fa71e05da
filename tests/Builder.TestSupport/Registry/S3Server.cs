// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Xunit;

namespace Builder.TestSupport.Registry;

/// <summary>
/// An S3-compatible server by other authors (s3rver of npm) with one bucket, on a free port of loopback. It knows which
/// keys there are, but does not check signatures of version 4. Found at $S3RVER, or where eng/test.sh puts it.
/// </summary>
public sealed class S3Server : IDisposable
{
    public const string Bucket = "cache";
    public const string AccessKeyId = "S3RVER";
    public const string Secret = "S3RVER";

    private readonly TemporaryDirectory _directory = new("bld-s3-");
    private readonly Process _process;

    public S3Server()
    {
        Port = RegistryServer.FreePort();
        _process = new Command(
            "node", Script, "-d", _directory["data"], "-a", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture),
            "--configure-bucket", Bucket).Start();
        _process.OutputDataReceived += (_, data) => Log(data.Data);
        _process.ErrorDataReceived += (_, data) => Log(data.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        RegistryServer.WaitForPort(Port);
    }

    /// <summary>Where the server's program is.</summary>
    public static string Script { get; } = Environment.GetEnvironmentVariable("S3RVER") ?? Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "bld-s3rver", "node_modules", "s3rver", "bin", "s3rver.js");

    public int Port { get; }

    /// <summary>The server's words.</summary>
    public List<string> Lines { get; } = [];

    /// <summary>The fields of a cache here, with the right credentials.</summary>
    public string Spec(string more = "") =>
        $"type=s3,bucket={Bucket},region=us-east-1,endpoint_url=http://127.0.0.1:{Port},use_path_style=true,"
        + $"access_key_id={AccessKeyId},secret_access_key={Secret}{more}";

    /// <summary>Names of all objects with their sizes.</summary>
    public Dictionary<string, long> Objects()
    {
        string root = _directory[$"data/{Bucket}"];
        return Directory.GetFiles(root, "*._S3rver_object", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(root, file).Replace("._S3rver_object", "", StringComparison.Ordinal),
            file => new FileInfo(file).Length);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }

    private void Log(string? line)
    {
        lock (Lines)
        {
            Lines.Add(line ?? "");
        }
    }
}

/// <summary>A test that needs an S3-compatible server, and root.</summary>
public sealed class S3FactAttribute : FactAttribute
{
    public S3FactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        if (!File.Exists(S3Server.Script))
        {
            Skip = $"no S3-compatible server: npm install --prefix ~/.cache/bld-s3rver s3rver@3.7.1 (looked for {S3Server.Script})";
        }
        else if (Environment.UserName != "root")
        {
            Skip = "needs root";
        }
    }
}
