// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend;

/// <summary>Turns the text of a Dockerfile into stages of typed instructions.</summary>
public static class DockerfileParser
{
    /// <summary>Parses a whole Dockerfile.</summary>
    /// <exception cref="DockerfileException">The text has errors; all that could be found soundly are in it.</exception>
    public static Dockerfile Parse(SourceText source) => throw new NotImplementedException();

    /// <summary>
    /// Parses one instruction as an image config's OnBuild list records it (with heredoc bodies); the result has
    /// <see cref="Instructions.Instruction.IsFromOnBuild"/> set.
    /// </summary>
    /// <exception cref="DockerfileException">The trigger is malformed or not allowed in ONBUILD.</exception>
    public static Instructions.Instruction ParseTrigger(string trigger, string imageName) =>
        throw new NotImplementedException();
}
