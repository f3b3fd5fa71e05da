// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Instructions;

/// <summary>ADD SRC... DST: local files, archives, URLs and git repositories.</summary>
public sealed record AddInstruction : TransferInstruction
{
    /// <summary><c>--checksum</c>, or null.</summary>
    public Word? Checksum { get; init; }

    /// <summary><c>--keep-git-dir</c>; null when not given.</summary>
    public bool? KeepGitDir { get; init; }

    /// <summary><c>--unpack</c>; null when not given: local archives are unpacked, remote ones are not.</summary>
    public bool? Unpack { get; init; }
}
