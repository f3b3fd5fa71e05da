// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Sandbox.Spawning;

namespace Builder.Executor.Registry;

/// <summary>Credential helpers as programmes of the host.</summary>
internal static class HelperProcess
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Runs a helper; null when there is no such programme in PATH.</summary>
    public static async Task<HelperResult?> RunAsync(
        string program, string argument, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        if (ProcessStarter.FindInPath(program) is null)
        {
            return null;
        }

        ProcessRequest request = new(program, argument) { StandardInput = input, Timeout = s_limit };
        ProcessResult result = await Task.Run(() => ProcessStarter.Run(request, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        return result.HasTimedOut
            ? throw new RegistryException(
                RegistryFailure.Configuration, $"{program} {argument}: no answer within {s_limit.TotalSeconds} s")
            : new HelperResult(result.ExitCode, result.OutputText);
    }
}
