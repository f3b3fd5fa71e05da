// SPDX-License-Identifier: Apache-2.0

namespace Builder.Executor.Registry;

/// <summary>What a registry may make bld read or wait for.</summary>
internal static class RegistryLimits
{
    /// <summary>The distribution spec asks for at least this much; more is an attack or a mistake.</summary>
    public const int MaxManifestBytes = 4 * 1024 * 1024;

    public const int MaxConfigBytes = 4 * 1024 * 1024;

    public const int MaxErrorBodyBytes = 64 * 1024;

    public const int MaxTokenBytes = 256 * 1024;

    public const int MaxListBytes = 8 * 1024 * 1024;

    public const int MaxListPages = 10_000;

    public const int MaxRedirects = 10;

    /// <summary>A Retry-After beyond this is an error now and not a wait.</summary>
    public const int MaxRetryAfterSeconds = 60;

    /// <summary>A body that does not move for this long is a broken connection.</summary>
    public const int StallSeconds = 60;

    public const int ConnectSeconds = 15;

    /// <summary>Blobs above this are sent by PATCH, which can be resumed; smaller ones by a single PUT.</summary>
    public const long ResumableUploadBytes = 8 * 1024 * 1024;

    public const int CopyBufferBytes = 128 * 1024;
}
