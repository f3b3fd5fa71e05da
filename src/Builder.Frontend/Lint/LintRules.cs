// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;

namespace Builder.Frontend.Lint;

/// <summary>The table of rules.</summary>
internal static class LintRules
{
    public static readonly LintRule StageNameCasing = Rule(
        "StageNameCasing",
        "stage-name-casing",
        "Stage names should be lowercase",
        "write the stage's name in lower case; it is compared so anyway");

    public static readonly LintRule FromAsCasing = Rule(
        "FromAsCasing",
        "from-as-casing",
        "The 'as' keyword should match the case of the 'from' keyword",
        "write FROM and AS in the same case");

    public static readonly LintRule NoEmptyContinuation = Rule(
        "NoEmptyContinuation",
        "no-empty-continuation",
        "Empty continuation lines will become errors in a future release",
        "remove the empty line, or make it a comment");

    public static readonly LintRule ConsistentInstructionCasing = Rule(
        "ConsistentInstructionCasing",
        "consistent-instruction-casing",
        "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "write all instructions in the same case");

    public static readonly LintRule DuplicateStageName = Rule(
        "DuplicateStageName",
        "duplicate-stage-name",
        "Stage names should be unique",
        "give each stage a name of its own; only the last one of a name can be reached by it");

    public static readonly LintRule ReservedStageName = Rule(
        "ReservedStageName",
        "reserved-stage-name",
        "Reserved words should not be used as stage names",
        "choose another name: scratch and context have a meaning of their own");

    public static readonly LintRule JsonArgsRecommended = Rule(
        "JSONArgsRecommended",
        "json-args-recommended",
        "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        "write the command as a JSON array, or say with SHELL that a shell is meant");

    public static readonly LintRule MaintainerDeprecated = Rule(
        "MaintainerDeprecated",
        "maintainer-deprecated",
        "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        "write LABEL org.opencontainers.image.authors=\"NAME\"");

    public static readonly LintRule UndefinedArgInFrom = Rule(
        "UndefinedArgInFrom",
        "undefined-arg-in-from",
        "FROM command must use declared ARGs",
        "declare the argument with ARG before the first FROM");

    public static readonly LintRule WorkdirRelativePath = Rule(
        "WorkdirRelativePath",
        "workdir-relative-path",
        "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base "
            + "image changes",
        "make the first WORKDIR of the stage absolute");

    public static readonly LintRule UndefinedVar = Rule(
        "UndefinedVar",
        "undefined-var",
        "Variables should be defined before their use",
        "declare it with ARG or ENV in this stage, or give a default: ${NAME:-value}");

    public static readonly LintRule MultipleInstructionsDisallowed = Rule(
        "MultipleInstructionsDisallowed",
        "multiple-instructions-disallowed",
        "Multiple instructions of the same type should not be used in the same stage",
        "remove this one: the last one of the stage replaces it");

    public static readonly LintRule LegacyKeyValueFormat = Rule(
        "LegacyKeyValueFormat",
        "legacy-key-value-format",
        "Legacy key/value format with whitespace separator should not be used",
        "write KEY=\"VALUE\"");

    public static readonly LintRule InvalidBaseImagePlatform = Rule(
        "InvalidBaseImagePlatform",
        "invalid-base-image-platform",
        "Base image platform does not match expected target platform",
        "use an image that exists for the platform, or say the image's own with FROM --platform");

    public static readonly LintRule RedundantTargetPlatform = Rule(
        "RedundantTargetPlatform",
        "redundant-target-platform",
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        "remove the --platform flag");

    public static readonly LintRule SecretsUsedInArgOrEnv = Rule(
        "SecretsUsedInArgOrEnv",
        "secrets-used-in-arg-or-env",
        "Sensitive data should not be used in the ARG or ENV commands",
        "use RUN --mount=type=secret: ARG and ENV values stay readable in the image");

    public static readonly LintRule InvalidDefaultArgInFrom = Rule(
        "InvalidDefaultArgInFrom",
        "invalid-default-arg-in-from",
        "Default value for global ARG results in an empty or invalid base image name",
        "give the ARG a default with which the image name is valid");

    public static readonly LintRule FromPlatformFlagConstDisallowed = Rule(
        "FromPlatformFlagConstDisallowed",
        "from-platform-flag-const-disallowed",
        "FROM --platform flag should not use a constant value",
        "use $BUILDPLATFORM or an ARG, or name the platform in the stage's name");

    public static readonly LintRule CopyIgnoredFile = Rule(
        "CopyIgnoredFile",
        "copy-ignored-file",
        "Attempting to Copy file that is excluded by .dockerignore",
        "change the ignore file, or do not copy it: the build does not see it",
        isExperimental: true);

    public static readonly LintRule ExposeProtoCasing = Rule(
        "ExposeProtoCasing",
        "expose-proto-casing",
        "Protocol in EXPOSE instruction should be lowercase",
        "write the protocol in lower case");

    public static readonly LintRule ExposeInvalidFormat = Rule(
        "ExposeInvalidFormat",
        "expose-invalid-format",
        "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future "
            + "release",
        "write PORT[/PROTOCOL]; addresses and host ports belong to \"run -p\"");

    public static readonly LintRule InvalidDefinitionDescription = Rule(
        "InvalidDefinitionDescription",
        "invalid-definition-description",
        "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not "
            + "intended to be a description comment, add an empty line or comment between the instruction and the comment.",
        "begin the comment with the name that it describes, or put an empty line below it",
        isExperimental: true);

    public static readonly LintRule JsonFormIgnored = Rule(
        "JSONFormIgnored",
        null,
        "What looks like a JSON array and is none is plain text",
        "JSON strings stand in double quotes, and nothing may follow the closing bracket");

    public static readonly LintRule SyntaxIgnored = Rule(
        "SyntaxIgnored",
        null,
        "The image that a syntax directive names is not run",
        "name docker/dockerfile, or remove the directive");

    public static readonly LintRule UnusedFlag = Rule(
        "UnusedFlag",
        null,
        "A flag should have an effect",
        "remove the flag");

    public static readonly ImmutableArray<LintRule> All =
    [
        StageNameCasing, FromAsCasing, NoEmptyContinuation, ConsistentInstructionCasing, DuplicateStageName,
        ReservedStageName, JsonArgsRecommended, MaintainerDeprecated, UndefinedArgInFrom, WorkdirRelativePath,
        UndefinedVar, MultipleInstructionsDisallowed, LegacyKeyValueFormat, InvalidBaseImagePlatform,
        RedundantTargetPlatform, SecretsUsedInArgOrEnv, InvalidDefaultArgInFrom, FromPlatformFlagConstDisallowed,
        CopyIgnoredFile, ExposeProtoCasing, ExposeInvalidFormat, InvalidDefinitionDescription,
        JsonFormIgnored, SyntaxIgnored, UnusedFlag,
    ];

    private static LintRule Rule(
        string name, string? slug, string description, string advice, bool isExperimental = false) => new()
        {
            Name = name,
            Url = slug is null ? null : $"https://docs.docker.com/go/dockerfile/rule/{slug}/",
            Description = description,
            Advice = advice,
            IsExperimental = isExperimental,
        };
}
