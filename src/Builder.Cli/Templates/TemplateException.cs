// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Cli.Templates;

/// <summary>A <c>--format</c> template that cannot be read or does not fit the data.</summary>
internal sealed class TemplateException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public TemplateException(string message)
        : base("template: " + message)
    {
        Hint = "templates are Go templates, for instance '{{json .}}' or '{{.Id}}'";
    }
}
