// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Devices;
using Builder.Solver.Operations;
using Builder.TestSupport;
using Xunit;

namespace Builder.Executor.Tests.Devices;

public sealed class DeviceCatalogueTests : IDisposable
{
    private const string Gpus = """
        cdiVersion: "0.6.0"
        kind: vendor.com/gpu
        annotations:
          org.mobyproject.buildkit.device.class: fast
        containerEdits:
          env:
          - COMMON=1
        devices:
        - name: 0
          containerEdits:
            env: [FOO=0]
        - name: "1"
          annotations:
            org.mobyproject.buildkit.device.class: slow
            org.mobyproject.buildkit.device.autoallow: "true"
        - name: all
        """;

    private readonly TemporaryDirectory _directory = new("devices-");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("vendor.com/gpu", "vendor.com/gpu=0")]
    [InlineData("vendor.com/gpu=1", "vendor.com/gpu=1")]
    [InlineData("vendor.com/gpu=*", "vendor.com/gpu=0 vendor.com/gpu=1 vendor.com/gpu=all")]
    [InlineData("vendor.com/gpu=fast", "vendor.com/gpu=0 vendor.com/gpu=all")]
    [InlineData("vendor.com/gpu=slow", "vendor.com/gpu=1")]
    [InlineData("vendor.com/gpu=2", "")]
    [InlineData("vendor.com/gp", "")]
    public void Devices_are_found_by_name_kind_and_class(string asked, string found)
    {
        _directory.Write("a/gpu.yaml", Gpus);
        Assert.Equal(found, string.Join(' ', Find(asked, isAllowed: true).Select(entry => entry.Name)));
    }

    [Fact]
    public void What_is_not_allowed_is_refused_unless_its_specification_allows_it()
    {
        _directory.Write("a/gpu.yaml", Gpus);
        Assert.Single(Find("vendor.com/gpu=1", isAllowed: false));
        DeviceException failure = Assert.Throws<DeviceException>(() => Find("vendor.com/gpu=0", isAllowed: false));
        Assert.Contains("not allowed", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--allow device=vendor.com/gpu=0", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_required_device_that_is_missing_is_an_error_that_names_those_there_are()
    {
        DeviceException none = Assert.Throws<DeviceException>(() => Find("vendor.com/gpu=2", true, required: true));
        Assert.Contains("no device specification in", none.Hint, StringComparison.Ordinal);
        _directory.Write("a/gpu.yaml", Gpus);
        DeviceException other = Assert.Throws<DeviceException>(() => Find("vendor.com/gpu=2", true, required: true));
        Assert.Contains("vendor.com/gpu=0, vendor.com/gpu=1, vendor.com/gpu=all", other.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_later_directory_wins_and_one_directory_must_not_contradict_itself()
    {
        _directory.Write("a/one.json", Json("a"));
        _directory.Write("b/two.json", Json("b"));
        CatalogueEntry entry = Assert.Single(Find("v/c=x", isAllowed: true));
        Assert.Equal("FROM=b", entry.ReadEdits()[1].Environment.Single());
        _directory.Write("b/three.yml", Json("c"));
        Assert.Contains(
            "both", Assert.Throws<DeviceException>(() => Find("v/c=x", isAllowed: true)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hooks: [{hookName: createContainer, path: /usr/bin/hook}]", "hook createContainer /usr/bin/hook, and bld runs no hooks")]
    [InlineData("intelRdt: {closID: a}", "the field intelRdt")]
    [InlineData("env: [FOO]", "\"FOO\" is not NAME=VALUE")]
    [InlineData("env: FOO=1", "env is not a list")]
    [InlineData("deviceNodes: [{path: dev/x}]", "path is not an absolute path")]
    [InlineData("deviceNodes: [{path: /dev/x, permissions: r}]", "can give rw only")]
    [InlineData("mounts: [{hostPath: /a, containerPath: /b, options: [shared]}]", "the option shared")]
    [InlineData("mounts: [{hostPath: /a, containerPath: /b, type: tmpfs}]", "the type tmpfs")]
    [InlineData("additionalGids: [-1]", "-1 is no group id")]
    public void Edits_that_cannot_be_made_are_refused_with_their_file(string edits, string message)
    {
        string file = _directory.Write(
            "a/x.yaml", $"cdiVersion: 0.6.0\nkind: v/c\ndevices:\n- name: x\n  containerEdits:\n    {edits}\n");
        CatalogueEntry entry = Assert.Single(Find("v/c=x", isAllowed: true));
        DeviceException failure = Assert.Throws<DeviceException>(() => entry.ReadEdits());
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(file, failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.Hint);
    }

    [Theory]
    [InlineData("x.json", "{", "x.json")]
    [InlineData("x.json", "[]", "it is no object")]
    [InlineData("x.yaml", "a: &x 1", "anchor")]
    [InlineData("x.yaml", "cdiVersion: 0.6.0\nkind: v/c\ndevices: 1", "devices is not a list")]
    [InlineData("x.yaml", "cdiVersion: 9.0.0", "cdiVersion 9.0.0 is not known")]
    [InlineData("x.yaml", "kind: v/c", "cdiVersion is missing")]
    [InlineData("x.yaml", "a: 1\na: 2", "")]
    [InlineData("x.yaml", "a: [", "line ")]
    [InlineData("x.yaml", "", "it is no object")]
    public void A_broken_specification_is_named(string file, string text, string message)
    {
        _directory.Write($"a/{file}", text);
        DeviceException failure = Assert.Throws<DeviceException>(() => Find("v/c=x", isAllowed: true));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(file, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Yaml_and_json_say_the_same()
    {
        const string Yaml = """
            # a comment
            text: plain words
            quoted: "a: b"
            single: 'it''s'
            octal: 0666
            number: 438
            no: ~
            yes: true
            "key with: colon": |
              two
              lines
            list:
            - a
            - {b: [1, "2"]}
            """;
        const string Json = """
            {"text":"plain words","quoted":"a: b","single":"it's","octal":438,"number":438,"no":null,"yes":true,
             "key with: colon":"two\nlines\n","list":["a",{"b":[1,"2"]}]}
            """;
        Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(
            System.Text.Json.Nodes.JsonNode.Parse(Json), YamlDocument.Read(new StringReader(Yaml))));
    }

    private static string Json(string value) =>
        """{"cdiVersion":"0.5.0","kind":"v/c","devices":[{"name":"x","containerEdits":{"env":["FROM=?"]}}]}"""
            .Replace("?", value, StringComparison.Ordinal);

    private ImmutableArray<CatalogueEntry> Find(string name, bool isAllowed, bool required = false) =>
        DeviceCatalogue.Load([_directory["a"], _directory["b"]]).Find(new DeviceRequest(name, required, isAllowed));
}
