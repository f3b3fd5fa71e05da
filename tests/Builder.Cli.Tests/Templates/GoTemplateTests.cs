// SPDX-License-Identifier: Apache-2.0

using System.Text.Json.Nodes;
using Builder.Cli.Templates;
using Xunit;

namespace Builder.Cli.Tests.Templates;

public sealed class GoTemplateTests
{
    private const string Data = """
        {"Id":"sha256:abc","Size":1234,"Ok":true,"None":null,"Empty":[],
         "Tags":["a:1","b:2"],"Config":{"Env":["A=1","B=2"],"Labels":{"x.y":"z","b":"c"},"User":""},
         "Ports":{"80/tcp":[{"HostPort":"8080"}]}}
        """;

    [Theory]
    [InlineData("{{.Id}}", "sha256:abc")]
    [InlineData("{{ .Config.User }}", "")]
    [InlineData("a{{/* comment */}}b", "ab")]
    [InlineData("{{json .Tags}}", """["a:1","b:2"]""")]
    [InlineData("{{json .Config.Labels}}", """{"x.y":"z","b":"c"}""")]
    [InlineData("{{.Tags}}", "[a:1 b:2]")]
    [InlineData("{{.Config.Labels}}", "map[b:c x.y:z]")]
    [InlineData("{{index .Config.Labels \"x.y\"}}", "z")]
    [InlineData("{{index .Tags 1}}", "b:2")]
    [InlineData("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080")]
    [InlineData("{{range .Tags}}{{.}} {{end}}", "a:1 b:2 ")]
    [InlineData("{{range $i, $t := .Tags}}{{if $i}},{{end}}{{$t}}{{end}}", "a:1,b:2")]
    [InlineData("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "b=c;x.y=z;")]
    [InlineData("{{range .Empty}}x{{else}}none{{end}}", "none")]
    [InlineData("{{if .Ok}}yes{{else}}no{{end}}", "yes")]
    [InlineData("{{if .None}}yes{{else if eq .Size 1234}}elif{{else}}no{{end}}", "elif")]
    [InlineData("{{with .Config}}{{len .Env}}{{end}}", "2")]
    [InlineData("{{with $c := .Config}}{{$c.User}}{{$.Id}}{{end}}", "sha256:abc")]
    [InlineData("{{$x := \"q\"}}{{$x}}", "q")]
    [InlineData("{{join .Tags \", \"}}", "a:1, b:2")]
    [InlineData("{{.Id | upper | printf \"%s!\"}}", "SHA256:ABC!")]
    [InlineData("{{index (split .Id \":\") 1}}", "abc")]
    [InlineData("{{slice .Id 0 3}}", "sha")]
    [InlineData("{{len .Tags}} {{not .Ok}} {{and .Ok .Id}} {{or .None \"d\"}}", "2 false sha256:abc d")]
    [InlineData("{{gt .Size 1000}}{{ne .Id \"x\"}}{{eq .Id \"x\" \"sha256:abc\"}}", "truetruetrue")]
    [InlineData("{{printf \"%-6s|%5d|%q\" \"ab\" 7 \"c\"}}", "ab    |    7|\"c\"")]
    [InlineData("x  {{- .Size -}}  y", "x1234y")]
    [InlineData("{{println .Size}}", "1234\n")]
    [InlineData("{{`raw`}} {{true}} {{1}}", "raw true 1")]
    [InlineData("{{.None}}", "<no value>")]
    public void Templates_give_what_go_gives(string template, string expected) =>
        Assert.Equal(expected, GoTemplate.Parse(template).Execute(JsonNode.Parse(Data)));

    [Theory]
    [InlineData("{{.Nope}}", "no such field: Nope")]
    [InlineData("{{.Id.x}}", "can't evaluate field x")]
    [InlineData("{{nope .Id}}", "function \"nope\" not defined")]
    [InlineData("{{.Id", "unclosed action")]
    [InlineData("{{if .Ok}}", "if without end")]
    [InlineData("{{end}}", "unexpected {{end}}")]
    [InlineData("{{$x}}", "undefined variable \"$x\"")]
    [InlineData("{{index .Tags 7}}", "index out of range: 7")]
    [InlineData("{{range .Id}}{{end}}", "can't iterate")]
    [InlineData("{{define \"x\"}}{{end}}", "define is not supported")]
    [InlineData("{{.Id .Size}}", "can't give argument to non-function")]
    public void Mistakes_are_named(string template, string message)
    {
        TemplateException failure = Assert.Throws<TemplateException>(
            () => GoTemplate.Parse(template).Execute(JsonNode.Parse(Data)));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }
}
