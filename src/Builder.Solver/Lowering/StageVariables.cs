// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Instructions;

namespace Builder.Solver.Lowering;

/// <summary>
/// The variables of a stage, instruction by instruction, before it is lowered: <c>COPY --from=$NAME</c> says which stages
/// and images are needed, and those must be known first. The rules are those of the lowering.
/// </summary>
internal sealed class StageVariables
{
    private readonly BuildArguments _arguments;
    private readonly EnvironmentList _globals;
    private readonly LocatedExpander _words;

    /// <summary>Creates the rules of one build.</summary>
    public StageVariables(BuildArguments arguments, EnvironmentList globals, LocatedExpander words)
    {
        _arguments = arguments;
        _globals = globals;
        _words = words;
    }

    /// <summary>What a stage begins with that starts from <paramref name="source"/>.</summary>
    public EnvironmentList Begin(FileSource source)
    {
        var scope = new EnvironmentList();
        switch (source)
        {
            case ImageFileSource image:
                scope.SetAll(image.Image.Config.Env);
                break;
            case StageSource { Stage: var parent }:
                scope = Begin(parent.Base);
                foreach (Instruction instruction in parent.Instructions)
                {
                    Apply(scope, instruction);
                }

                break;
        }

        return scope;
    }

    /// <summary>Takes over what ARG or ENV set; other instructions set nothing.</summary>
    public void Apply(EnvironmentList scope, Instruction instruction)
    {
        switch (instruction)
        {
            case ArgInstruction argument:
                foreach (KeyValueWord definition in argument.Definitions)
                {
                    if (ValueOf(definition, scope, _arguments, _globals, _words) is { } value)
                    {
                        scope.Set(definition.Key.Text, value);
                    }
                }

                break;
            case EnvInstruction environment:
                // All values are expanded before the first is set: they see the environment from before the instruction.
                foreach ((string name, string value) in environment.Variables.Select(pair => (
                    _words.Expand(pair.Key, scope), pair.Value is null ? "" : _words.Expand(pair.Value, scope))).ToList())
                {
                    scope.Set(name, value);
                }

                break;
        }
    }

    /// <summary>The value of an ARG: given on the command line, else the default, else what the global scope says.</summary>
    public static string? ValueOf(
        KeyValueWord definition, EnvironmentList scope, BuildArguments arguments, EnvironmentList globals, LocatedExpander words) =>
        arguments.Find(definition.Key.Text)
        ?? (definition.Value is null ? globals.Find(definition.Key.Text) : words.Expand(definition.Value, scope));
}
