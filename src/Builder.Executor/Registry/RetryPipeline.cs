// SPDX-License-Identifier: Apache-2.0

using System.Net.Http.Headers;
using Polly;
using Polly.Retry;

namespace Builder.Executor.Registry;

/// <summary>Tries transient failures again: pauses that double with jitter, or as long as the registry asks for.</summary>
internal static class RetryPipeline
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);

    /// <summary>Makes the pipeline for single requests.</summary>
    public static ResiliencePipeline<HttpResponseMessage> Create(RegistryOptions options)
    {
        if (options.Retries <= 0)
        {
            return ResiliencePipeline<HttpResponseMessage>.Empty;
        }

        return new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = options.Time }
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = options.Retries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = options.RetryDelay,
                MaxDelay = s_longestPause,
                ShouldHandle = arguments => ValueTask.FromResult(ShouldRetry(arguments.Outcome, options.Time)),
                DelayGenerator = arguments => ValueTask.FromResult(RetryAfter(arguments.Outcome.Result, options.Time)),
                OnRetry = arguments =>
                {
                    arguments.Outcome.Result?.Dispose();
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    /// <summary>The pause before attempt <paramref name="attempt"/> (from 1) of something larger than one request.</summary>
    public static TimeSpan Pause(RegistryOptions options, int attempt)
    {
        double doubled = options.RetryDelay.TotalMilliseconds * Math.Pow(2, Math.Min(attempt - 1, 16));
        double jitter = System.Security.Cryptography.RandomNumberGenerator.GetInt32(75, 126) / 100.0;
        return TimeSpan.FromMilliseconds(Math.Min(doubled, s_longestPause.TotalMilliseconds) * jitter);
    }

    private static bool ShouldRetry(Outcome<HttpResponseMessage> outcome, TimeProvider time)
    {
        if (outcome.Exception is { } failure)
        {
            return RegistryErrors.IsTransient(failure);
        }

        return outcome.Result is { } response && RegistryErrors.IsTransient(response.StatusCode)
            && !(RetryAfter(response, time) > TimeSpan.FromSeconds(RegistryLimits.MaxRetryAfterSeconds));
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage? response, TimeProvider time)
    {
        RetryConditionHeaderValue? header = response?.Headers.RetryAfter;
        TimeSpan? pause = header?.Delta ?? (header?.Date is { } date ? date - time.GetUtcNow() : null);
        return pause is { } value && value < TimeSpan.Zero ? TimeSpan.Zero : pause;
    }
}
