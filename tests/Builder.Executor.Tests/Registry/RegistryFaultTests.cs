// SPDX-License-Identifier: Apache-2.0

using Builder.Executor.Registry;
using Builder.Frontend.Naming;
using Builder.TestSupport;
using Builder.TestSupport.Registry;
using Xunit;

namespace Builder.Executor.Tests.Registry;

/// <summary>A real registry behind a proxy that breaks things.</summary>
public sealed class RegistryFaultTests : IDisposable
{
    private const int Megabyte = 1024 * 1024;

    private readonly RegistryServer _server = new();
    private readonly RegistryClient _client = new(RegistryTest.Options);

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task Resets_and_server_errors_are_tried_again()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(10_000);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        using FaultProxy proxy = new(_server.Port, (_, count) => count switch
        {
            0 => new Fault.Reset(),
            1 => new Fault.Status(503, Body: "down"),
            2 => new Fault.Status(429, "Retry-After: 0\r\n"),
            _ => null,
        });
        Assert.Equal(bytes, await RegistryTest.PullAsync(Through(proxy, "app"), digest, bytes.Length));
    }

    [Fact]
    public async Task A_download_that_breaks_goes_on_where_it_was()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(3 * Megabyte);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        using FaultProxy proxy = new(_server.Port, (request, count) =>
            request.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal) && count < 8
                ? new Fault.CutAnswer(300_000)
                : null);
        Assert.Equal(bytes, await RegistryTest.PullAsync(Through(proxy, "app"), digest, bytes.Length));
        string[] ranges = proxy.Requests.SelectMany(head => head.Split("\r\n"))
            .Where(line => line.StartsWith("Range:", StringComparison.Ordinal)).ToArray();
        Assert.Equal(8, ranges.Length);
        Assert.Equal(8, ranges.Distinct().Count());
    }

    [Fact]
    public async Task A_download_without_any_progress_ends_with_an_error()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(10_000);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal) ? new Fault.CutAnswer(0) : null);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => RegistryTest.PullAsync(Through(proxy, "app"), digest, bytes.Length));
        Assert.Equal(RegistryFailure.Unreachable, e.Reason);
    }

    [Fact]
    public async Task Wrong_bytes_are_refused_with_both_digests()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(10_000);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal) ? new Fault.CorruptAnswer(5_000) : null);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => RegistryTest.PullAsync(Through(proxy, "app"), digest, bytes.Length));
        Assert.Equal(RegistryFailure.ContentMismatch, e.Reason);
        Assert.Contains(digest.ToString(), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_place_is_asked_when_the_first_sends_wrong_bytes()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(10_000);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal) ? new Fault.CorruptAnswer(5_000) : null);
        using MemoryStream file = new();
        await BlobDownload.RunAsync(
            [Through(proxy, "app"), Direct("app")], digest, bytes.Length, file, null, RegistryTest.Token);
        Assert.Equal(bytes, file.ToArray());
    }

    [Fact]
    public async Task Sizes_that_lie_are_refused()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(10_000);
        await RegistryTest.PushAsync(Direct("app"), bytes);
        RegistryException tooLong = await Assert.ThrowsAsync<RegistryException>(
            () => RegistryTest.PullAsync(Direct("app"), digest, bytes.Length - 1));
        Assert.Equal(RegistryFailure.ContentMismatch, tooLong.Reason);
        await Assert.ThrowsAsync<RegistryException>(
            () => RegistryTest.PullAsync(Direct("app"), digest, bytes.Length + 1));
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("HEAD")]
    public async Task An_upload_survives_a_failure_of_every_kind_of_request(string method)
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(12 * Megabyte);
        using FaultProxy proxy = new(_server.Port, Chosen());
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(Through(proxy, "app"), bytes));
        Assert.Equal(bytes, await RegistryTest.PullAsync(Direct("app"), digest, bytes.Length));

        Func<string, int, Fault?> Chosen()
        {
            int left = 2;
            return (request, _) => request.StartsWith(method, StringComparison.Ordinal) && left-- > 0
                ? left == 1 ? new Fault.Status(502) : new Fault.Reset()
                : null;
        }
    }

    [Fact]
    public async Task An_upload_that_breaks_in_its_middle_is_completed()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(24 * Megabyte);
        int left = 2;
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("PATCH", StringComparison.Ordinal) && left-- > 0 ? new Fault.CutRequest(9 * Megabyte) : null);
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(Through(proxy, "app"), bytes));
        Assert.Equal(bytes, await RegistryTest.PullAsync(Direct("app"), digest, bytes.Length));
    }

    [Fact]
    public async Task Small_uploads_that_break_are_sent_again()
    {
        (byte[] bytes, Digest digest) = RegistryTest.Blob(2 * Megabyte);
        int left = 2;
        using FaultProxy proxy = new(_server.Port, (request, _) =>
            request.StartsWith("PUT", StringComparison.Ordinal) && left-- > 0 ? new Fault.CutRequest(Megabyte) : null);
        Assert.Equal(UploadOutcome.Uploaded, await RegistryTest.PushAsync(Through(proxy, "app"), bytes));
        Assert.Equal(bytes, await RegistryTest.PullAsync(Direct("app"), digest, bytes.Length));
    }

    [Fact]
    public async Task A_wait_longer_than_the_limit_is_an_error_now()
    {
        using FaultProxy proxy = new(_server.Port, (request, _) => request.Contains("manifests", StringComparison.Ordinal)
            ? new Fault.Status(429, "Retry-After: 3600\r\n", """{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}""")
            : null);
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => Through(proxy, "app").GetManifestAsync("latest", RegistryTest.Token));
        Assert.Equal(RegistryFailure.RateLimited, e.Reason);
        Assert.Contains("pull rate limit", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Oversized_manifests_and_error_bodies_are_not_read()
    {
        string large = new('x', 5 * Megabyte);
        using HttpStub stub = new(context =>
        {
            bool isError = context.Request.RawUrl!.EndsWith("/error", StringComparison.Ordinal);
            HttpStub.Reply(context, isError ? 404 : 200, large);
        });
        RegistryRepository repository = _client.PushPlace(RegistryTest.Image(stub.Authority, "app"));
        RegistryException e = await Assert.ThrowsAsync<RegistryException>(
            () => repository.GetManifestAsync("large", RegistryTest.Token));
        Assert.Equal(RegistryFailure.TooLarge, e.Reason);
        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => repository.GetManifestAsync("error", RegistryTest.Token));
        Assert.True(error.Message.Length < 500);
    }

    private RegistryRepository Direct(string name) => _client.PushPlace(RegistryTest.Image(_server.Address, name));

    private RegistryRepository Through(FaultProxy proxy, string name) =>
        _client.PushPlace(RegistryTest.Image(proxy.Authority, name));
}
