// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Frontend.Lint;

/// <summary>The words of an instruction in which variables are replaced. Source: Dockerfile reference, "Environment replacement".</summary>
internal static class ExpandedWords
{
    /// <summary>ARG is not among them: its defaults see one another.</summary>
    public static IEnumerable<Word> Of(Instruction instruction) => instruction switch
    {
        EnvInstruction env => Pairs(env.Variables),
        LabelInstruction label => Pairs(label.Labels),
        TransferInstruction transfer => Transfer(transfer),
        RunInstruction run => [.. run.Mounts, .. Optional(run.Network), .. Optional(run.Security), .. run.Devices],
        ExposeInstruction expose => expose.Ports,
        UserInstruction user => [user.User],
        WorkdirInstruction workdir => [workdir.Path],
        VolumeInstruction volume => volume.Paths,
        StopSignalInstruction stop => [stop.Signal],
        _ => [],
    };

    private static IEnumerable<Word> Pairs(IEnumerable<KeyValueWord> pairs) =>
        pairs.SelectMany(pair => pair.Value is { } value ? new[] { pair.Key, value } : [pair.Key]);

    private static IEnumerable<Word> Transfer(TransferInstruction transfer) =>
    [
        .. transfer.Sources,
        transfer.Destination,
        .. Optional(transfer.Chown),
        .. Optional(transfer.Chmod),
        .. transfer.Exclude,
        .. Optional((transfer as AddInstruction)?.Checksum),
        .. Optional((transfer as CopyInstruction)?.From),
    ];

    private static Word[] Optional(Word? word) => word is null ? [] : [word];
}
