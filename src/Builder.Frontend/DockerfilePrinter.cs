// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using System.Text;
using Builder.Frontend.Instructions;
using Builder.Frontend.Printing;

namespace Builder.Frontend;

/// <summary>
/// Writes a parsed Dockerfile as text again: one line per instruction, continuations joined, comments above their
/// instruction. Parsing the result gives the same instructions, places and <see cref="Instruction.Text"/> apart.
/// </summary>
public static class DockerfilePrinter
{
    /// <summary>The whole text.</summary>
    public static string Print(Dockerfile dockerfile)
    {
        var text = new StringBuilder();
        AppendDirective(text, "syntax", dockerfile.Syntax);
        AppendDirective(text, "escape", dockerfile.EscapeCharacter == '\\' ? null : dockerfile.EscapeCharacter.ToString());
        AppendDirective(text, "check", dockerfile.Check);

        // Ends the directives: a comment below may look like one.
        text.Append('\n');
        foreach (ArgInstruction arg in dockerfile.GlobalArgs)
        {
            Append(text, arg, dockerfile.EscapeCharacter);
        }

        foreach (Stage stage in dockerfile.Stages)
        {
            Append(text, stage.From, dockerfile.EscapeCharacter);
            foreach (Instruction instruction in stage.Instructions)
            {
                Append(text, instruction, dockerfile.EscapeCharacter);
            }
        }

        return text.ToString();
    }

    /// <summary>One instruction without its comments, here-documents included; ends with a line feed.</summary>
    public static string Print(Instruction instruction, char escapeCharacter = '\\')
    {
        var line = new InstructionWriter(instruction.Keyword, escapeCharacter);
        switch (instruction)
        {
            case FromInstruction from:
                line.Flag("platform", from.Platform);
                line.Arguments(from.StageName is null
                    ? [from.Image.Text]
                    : [from.Image.Text, "AS", from.StageName.Text]);
                break;
            case RunInstruction run:
                line.Flags("mount", run.Mounts);
                line.Flag("network", run.Network);
                line.Flag("security", run.Security);
                line.Flags("device", run.Devices);
                line.Command(run.Command);
                line.Bodies(run.Heredocs);
                break;
            case TransferInstruction transfer:
                TransferWriter.Write(line, transfer);
                break;
            case ArgInstruction arg:
                line.Pairs(arg.Definitions, isLegacyForm: false);
                break;
            case EnvInstruction env:
                line.Pairs(env.Variables, env.IsLegacyForm);
                break;
            case LabelInstruction label:
                line.Pairs(label.Labels, label.IsLegacyForm);
                break;
            case ExposeInstruction expose:
                line.Arguments(Texts(expose.Ports));
                break;
            case VolumeInstruction volume:
                line.WordsOrJson(Texts(volume.Paths));
                break;
            case HealthcheckInstruction healthcheck:
                HealthcheckWriter.Write(line, healthcheck);
                break;
            case OnBuildInstruction onBuild:
                line.Verbatim(onBuild.TriggerText);
                break;
            default:
                WriteSingle(line, instruction);
                break;
        }

        return line.ToString();
    }

    private static void WriteSingle(InstructionWriter line, Instruction instruction)
    {
        switch (instruction)
        {
            case CmdInstruction cmd:
                line.Command(cmd.Command);
                break;
            case EntrypointInstruction entrypoint:
                line.Command(entrypoint.Command);
                break;
            case ShellInstruction shell:
                line.Json(shell.Shell);
                break;
            case UserInstruction user:
                line.Arguments([user.User.Text]);
                break;
            case WorkdirInstruction workdir:
                line.Arguments([workdir.Path.Text]);
                break;
            case StopSignalInstruction stopSignal:
                line.Arguments([stopSignal.Signal.Text]);
                break;
            case MaintainerInstruction maintainer:
                line.Arguments([maintainer.Name.Text]);
                break;
            default:
                throw new ArgumentException($"no text form of {instruction.GetType().Name}", nameof(instruction));
        }
    }

    private static ImmutableArray<string> Texts(ImmutableArray<Word> words) => [.. words.Select(static word => word.Text)];

    private static void AppendDirective(StringBuilder text, string name, string? value)
    {
        if (value is not null)
        {
            text.Append("# ").Append(name).Append('=').Append(value).Append('\n');
        }
    }

    private static void Append(StringBuilder text, Instruction instruction, char escapeCharacter)
    {
        foreach (string comment in instruction.Comments)
        {
            text.Append("# ").Append(comment).Append('\n');
        }

        text.Append(Print(instruction, escapeCharacter));
    }
}
