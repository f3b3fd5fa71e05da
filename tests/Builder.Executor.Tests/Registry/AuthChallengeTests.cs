// SPDX-License-Identifier: Apache-2.0

using System.Collections.Immutable;
using Builder.Executor.Registry;
using CsCheck;
using Xunit;

namespace Builder.Executor.Tests.Registry;

public sealed class AuthChallengeTests
{
    [Theory]
    [InlineData("Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", "bearer", "https://a/t", "s", "repository:x:pull,push")]
    [InlineData("bearer realm=https://a/t , service=s", "bearer", "https://a/t", "s", null)]
    [InlineData("BEARER  Realm = \"https://a/\\\"t\\\\\" ", "bearer", "https://a/\"t\\", null, null)]
    [InlineData("Basic realm=\"Registry Realm\"", "basic", "Registry Realm", null, null)]
    [InlineData("Bearer realm=\"unterminated", "bearer", "unterminated", null, null)]
    [InlineData("Bearer", "bearer", null, null, null)]
    public void A_challenge_is_read(string header, string scheme, string? realm, string? service, string? scope)
    {
        AuthChallenge challenge = Assert.Single(AuthChallenge.ParseAll([header]));
        Assert.Equal((scheme, realm, service, scope), (challenge.Scheme, challenge.Realm, challenge.Service, challenge.Scope));
    }

    [Fact]
    public void Several_challenges_in_one_header_are_told_apart()
    {
        ImmutableArray<AuthChallenge> challenges =
            AuthChallenge.ParseAll(["Basic realm=\"a, b=c\", Bearer realm=\"r\", error=\"invalid_token\"", "Negotiate"]);
        Assert.Equal(["basic", "bearer", "negotiate"], challenges.Select(c => c.Scheme));
        Assert.Equal("a, b=c", challenges[0].Realm);
        Assert.Equal("invalid_token", challenges[1].Error);
    }

    [Fact]
    public void Whatever_a_registry_sends_is_read_to_its_end() =>
        Gen.String[Gen.Char["aB=\",\\ \t:/"], 0, 40].Sample(header => AuthChallenge.ParseAll([header]).Length >= 0);

    [Theory]
    [InlineData("repository:x:pull", "repository:x:pull,push")]
    [InlineData("repository:x:push,pull", "repository:x:pull,push")]
    [InlineData("repository:y:pull", "repository:x:pull,push repository:y:pull")]
    [InlineData("repository:x:delete", "repository:x:delete repository:x:pull,push")]
    [InlineData("registry:catalog:*", "registry:catalog:* repository:x:pull,push")]
    [InlineData(" ", "repository:x:pull,push")]
    public void What_a_challenge_asks_for_is_added_unless_it_is_covered(string challenged, string expected) =>
        Assert.Equal(expected, AuthScope.Push("x").With(challenged).Key);
}
