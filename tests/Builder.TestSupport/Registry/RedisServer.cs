// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;

namespace Builder.TestSupport.Registry;

/// <summary>A real redis-server on a free port of loopback, without persistence.</summary>
public sealed class RedisServer : IDisposable
{
    private readonly Process _process;

    public RedisServer(string? password = null)
    {
        Port = RegistryServer.FreePort();
        List<string> arguments =
        [
            "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
        ];
        if (password is not null)
        {
            arguments.AddRange(["--requirepass", password]);
        }

        _process = new Command("redis-server", arguments).Start();
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        RegistryServer.WaitForPort(Port);
    }

    public int Port { get; }

    /// <summary>Ends the server.</summary>
    public void Stop()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
    }

    public void Dispose()
    {
        Stop();
        _process.Dispose();
    }
}
