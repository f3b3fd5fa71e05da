// SPDX-License-Identifier: Apache-2.0

using System.Collections.Frozen;

namespace Builder.Frontend.Parsing;

/// <summary>How the rest of an instruction's line is cut.</summary>
internal enum ArgumentForm
{
    /// <summary>The keyword is unknown: not at all.</summary>
    Unknown,

    /// <summary>One text up to the end (USER).</summary>
    Text,

    /// <summary>Words between blanks (FROM).</summary>
    Words,

    /// <summary>A JSON array or one text (RUN).</summary>
    JsonOrText,

    /// <summary>A JSON array or words (COPY).</summary>
    JsonOrWords,

    /// <summary>Words with quotes, each a name or a name and a value (ARG).</summary>
    QuotedWords,

    /// <summary><c>KEY=VALUE...</c> or <c>KEY VALUE</c> (ENV).</summary>
    KeyValues,

    /// <summary>A word, then a JSON array or one text (HEALTHCHECK).</summary>
    WordThenJsonOrText,

    /// <summary>Another instruction (ONBUILD).</summary>
    Instruction,
}

/// <summary>The keywords of the language.</summary>
internal static class InstructionKeyword
{
    public const string Add = "ADD";
    public const string Arg = "ARG";
    public const string Cmd = "CMD";
    public const string Copy = "COPY";
    public const string Entrypoint = "ENTRYPOINT";
    public const string Env = "ENV";
    public const string Expose = "EXPOSE";
    public const string From = "FROM";
    public const string Healthcheck = "HEALTHCHECK";
    public const string Label = "LABEL";
    public const string Maintainer = "MAINTAINER";
    public const string OnBuild = "ONBUILD";
    public const string Run = "RUN";
    public const string Shell = "SHELL";
    public const string StopSignal = "STOPSIGNAL";
    public const string User = "USER";
    public const string Volume = "VOLUME";
    public const string Workdir = "WORKDIR";

    private static readonly FrozenDictionary<string, (string Name, ArgumentForm Form)> s_known =
        new (string Name, ArgumentForm Form)[]
        {
            (Add, ArgumentForm.JsonOrWords),
            (Arg, ArgumentForm.QuotedWords),
            (Cmd, ArgumentForm.JsonOrText),
            (Copy, ArgumentForm.JsonOrWords),
            (Entrypoint, ArgumentForm.JsonOrText),
            (Env, ArgumentForm.KeyValues),
            (Expose, ArgumentForm.Words),
            (From, ArgumentForm.Words),
            (Healthcheck, ArgumentForm.WordThenJsonOrText),
            (Label, ArgumentForm.KeyValues),
            (Maintainer, ArgumentForm.Text),
            (OnBuild, ArgumentForm.Instruction),
            (Run, ArgumentForm.JsonOrText),
            (Shell, ArgumentForm.JsonOrText),
            (StopSignal, ArgumentForm.Text),
            (User, ArgumentForm.Text),
            (Volume, ArgumentForm.JsonOrWords),
            (Workdir, ArgumentForm.Text),
        }.ToFrozenDictionary(static entry => entry.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>All keywords, in upper case.</summary>
    public static IEnumerable<string> All => s_known.Keys;

    /// <summary>The keyword in upper case and the form of its arguments; the keyword as it is when it is unknown.</summary>
    public static (string Name, ArgumentForm Form) Find(string keyword) =>
        s_known.TryGetValue(keyword, out (string Name, ArgumentForm Form) known) ? known : (keyword, ArgumentForm.Unknown);

    /// <summary>True for the instructions that here-documents belong to.</summary>
    public static bool TakesHeredocs(string name) => name is Add or Copy or Run;
}
