// SPDX-License-Identifier: Apache-2.0

using System.Net;
using System.Security.Cryptography;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Builder.Executor.Content;
using Builder.Executor.Oci;
using Builder.Executor.Registry;
using Builder.Frontend.Naming;

namespace Builder.Executor.RemoteCache;

/// <summary>
/// Blobs and documents as objects of a bucket, in AWS or any server that speaks its protocol. Connects when it is asked.
/// Thread-safe. Errors name the bucket, the object and the server's code, never a credential.
/// </summary>
internal sealed class S3Bucket : IBlobPlace, IDisposable
{
    /// <summary>Above this an object is sent in parts: a server takes 5 GiB at once at most, 10,000 parts, each of 5 MiB at least.</summary>
    private const long PartBytes = 64L * 1024 * 1024;

    private const int TimeoutSeconds = 1800;
    private const int ConnectTimeoutSeconds = 10;
    private const int MaxAttempts = 4;
    private const int PauseMilliseconds = 200;

    private readonly S3Options _options;
    private readonly Lazy<AmazonS3Client> _client;
    private readonly SemaphoreSlim _transfers;

    /// <summary>Creates the bucket.</summary>
    public S3Bucket(S3Options options)
    {
        _options = options;
        _client = new Lazy<AmazonS3Client>(Connect);
        _transfers = new SemaphoreSlim(options.Parallelism);
    }

    /// <summary>Reads a small object; null when there is none.</summary>
    public async Task<byte[]?> FindAsync(string key, int limit, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync("read", key, async () =>
            {
                using GetObjectResponse response = await _client.Value.GetObjectAsync(
                    new GetObjectRequest { BucketName = _options.Bucket, Key = key }, cancellationToken).ConfigureAwait(false);
                using MemoryStream content = new();
                byte[] buffer = new byte[128 * 1024];
                int count;
                while ((count = await response.ResponseStream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    content.Write(buffer, 0, count);
                    if (content.Length > limit)
                    {
                        throw new ContentException(ContentFailure.TooLarge, $"read {Describe(key)}: it is larger than {limit} bytes");
                    }
                }

                return content.ToArray();
            }).ConfigureAwait(false);
        }
        catch (RegistryException e) when (e.Reason == RegistryFailure.BlobUnknown)
        {
            return null;
        }
    }

    /// <summary>A small blob, verified.</summary>
    public async Task<byte[]> ReadBlobAsync(Descriptor blob, int limit, CancellationToken cancellationToken)
    {
        string key = KeyOf(blob.Digest);
        byte[] content = await FindAsync(key, limit, cancellationToken).ConfigureAwait(false)
            ?? throw new RegistryException(RegistryFailure.BlobUnknown, $"read {Describe(key)}: it is not there");
        return Digest.FromHash(SHA256.HashData(content)) == blob.Digest
            ? content
            : throw new ContentException(ContentFailure.DigestMismatch, $"read {Describe(key)}: the content has another digest");
    }

    /// <summary>True when the bucket has a blob of this length.</summary>
    public async Task<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        string key = KeyOf(blob.Digest);
        try
        {
            return await AskAsync("look for", key, async () =>
            {
                GetObjectMetadataResponse answer = await _client.Value.GetObjectMetadataAsync(
                    new GetObjectMetadataRequest { BucketName = _options.Bucket, Key = key }, cancellationToken).ConfigureAwait(false);
                return answer.ContentLength == blob.Size;
            }).ConfigureAwait(false);
        }
        catch (RegistryException e) when (e.Reason == RegistryFailure.BlobUnknown)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public Task ReadAsync(Descriptor blob, Func<Stream, Task> consume, CancellationToken cancellationToken)
    {
        string key = KeyOf(blob.Digest);
        return AskAsync("read", key, async () =>
        {
            using GetObjectResponse response = await _client.Value.GetObjectAsync(
                new GetObjectRequest { BucketName = _options.Bucket, Key = key }, cancellationToken).ConfigureAwait(false);
            await consume(response.ResponseStream).ConfigureAwait(false);
            return true;
        });
    }

    /// <summary>Writes a document.</summary>
    public Task PutAsync(string key, byte[] content, CancellationToken cancellationToken) =>
        AskAsync("write", key, async () =>
        {
            using MemoryStream stream = new(content, writable: false);
            await PutAsync(key, stream, cancellationToken).ConfigureAwait(false);
            return true;
        });

    /// <summary>Sends a blob of any length, unless the bucket has it; only then it is opened.</summary>
    public async Task SendBlobAsync(Descriptor blob, Func<Stream> open, CancellationToken cancellationToken)
    {
        await _transfers.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (await HasBlobAsync(blob, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            string key = KeyOf(blob.Digest);
            await AskAsync("write", key, async () =>
            {
                Stream content = open();
                await using (content.ConfigureAwait(false))
                {
                    await (blob.Size > PartBytes
                        ? PutInPartsAsync(key, content, blob.Size, cancellationToken)
                        : PutAsync(key, content, cancellationToken)).ConfigureAwait(false);
                }

                return true;
            }).ConfigureAwait(false);
        }
        finally
        {
            _transfers.Release();
        }
    }

    /// <summary>The object of a document.</summary>
    public string ManifestKeyOf(string name) => _options.Prefix + _options.ManifestsPrefix + name;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_client.IsValueCreated)
        {
            _client.Value.Dispose();
        }

        _transfers.Dispose();
    }

    private string KeyOf(Digest digest) => $"{_options.Prefix}{_options.BlobsPrefix}{digest}";

    private string Describe(string key) => $"s3://{_options.Bucket}/{key}";

    private AmazonS3Client Connect()
    {
        AmazonS3Config config = new()
        {
            ForcePathStyle = _options.UsesPathStyle,
            // What was sent is named by its SHA-256 and verified on the way in: servers need not know newer checksums.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            Timeout = TimeSpan.FromSeconds(TimeoutSeconds),
            ConnectTimeout = TimeSpan.FromSeconds(ConnectTimeoutSeconds),
            MaxErrorRetry = MaxAttempts - 1,
        };
        if (_options.EndpointUrl is { } endpoint)
        {
            config.ServiceURL = endpoint;
            config.AuthenticationRegion = _options.Region;
        }
        else if (_options.Region is { } region)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }

        return _options switch
        {
            { AccessKeyId: { } id, SecretAccessKey: { } secret, SessionToken: { } token } =>
                new AmazonS3Client(new SessionAWSCredentials(id, secret, token), config),
            { AccessKeyId: { } id, SecretAccessKey: { } secret } =>
                new AmazonS3Client(new BasicAWSCredentials(id, secret), config),
            _ => new AmazonS3Client(config),
        };
    }

    private Task<PutObjectResponse> PutAsync(string key, Stream content, CancellationToken cancellationToken) =>
        _client.Value.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = _options.Bucket,
                Key = key,
                InputStream = content,
                AutoCloseStream = false,
                UseChunkEncoding = false,
            },
            cancellationToken);

    private async Task PutInPartsAsync(string key, Stream content, long size, CancellationToken cancellationToken)
    {
        // 10,000 parts at most, with some room.
        long part = Math.Max(PartBytes, (size / 9_000) + 1);
        InitiateMultipartUploadResponse upload = await _client.Value.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest { BucketName = _options.Bucket, Key = key }, cancellationToken)
            .ConfigureAwait(false);
        try
        {
            List<PartETag> parts = [];
            for (long offset = 0; offset < size; offset += part)
            {
                content.Position = offset;
                UploadPartResponse sent = await _client.Value.UploadPartAsync(
                    new UploadPartRequest
                    {
                        BucketName = _options.Bucket,
                        Key = key,
                        UploadId = upload.UploadId,
                        PartNumber = parts.Count + 1,
                        PartSize = Math.Min(part, size - offset),
                        InputStream = content,
                        UseChunkEncoding = false,
                    },
                    cancellationToken).ConfigureAwait(false);
                parts.Add(new PartETag(parts.Count + 1, sent.ETag));
            }

            await _client.Value.CompleteMultipartUploadAsync(
                new CompleteMultipartUploadRequest
                {
                    BucketName = _options.Bucket,
                    Key = key,
                    UploadId = upload.UploadId,
                    PartETags = parts,
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Parts that belong to nothing cost money.
            await _client.Value.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = _options.Bucket, Key = key, UploadId = upload.UploadId },
                CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Asks; when the line broke amid a body, which the SDK does not try again, once more after a pause.</summary>
    private async Task<T> AskAsync<T>(string operation, string key, Func<Task<T>> ask)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (AmazonS3Exception e)
            {
                throw Failure(operation, key, e);
            }
            catch (Exception e) when (e is IOException && attempt < MaxAttempts)
            {
                await Task.Delay(PauseMilliseconds * attempt).ConfigureAwait(false);
            }
            catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException
                or IOException or WebException or TimeoutException)
            {
                throw new RegistryException(RegistryFailure.Unreachable, $"{operation} {Describe(key)}: {CauseOf(e)}", e)
                {
                    Hint = "check region=, endpoint_url= and the credentials: access_key_id= and secret_access_key=, AWS_* variables, or a profile",
                };
            }
        }
    }

    private static string CauseOf(Exception e)
    {
        string line = e.Message.Split('\n')[0].TrimEnd('.', ':', '\r');
        return line.StartsWith("Failed to resolve AWS credentials", StringComparison.Ordinal) ? "no credentials" : line;
    }

    private RegistryException Failure(string operation, string key, AmazonS3Exception e)
    {
        RegistryFailure reason = e.StatusCode switch
        {
            HttpStatusCode.NotFound when e.ErrorCode != "NoSuchBucket" => RegistryFailure.BlobUnknown,
            HttpStatusCode.NotFound => RegistryFailure.NameUnknown,
            HttpStatusCode.Unauthorized => RegistryFailure.Unauthorized,
            HttpStatusCode.Forbidden => RegistryFailure.Denied,
            HttpStatusCode.TooManyRequests => RegistryFailure.RateLimited,
            >= HttpStatusCode.InternalServerError => RegistryFailure.ServerError,
            0 => RegistryFailure.Unreachable,
            _ => RegistryFailure.Refused,
        };
        string cause = string.IsNullOrEmpty(e.ErrorCode) ? e.Message.Split('\n')[0].TrimEnd('.') : e.ErrorCode;
        return new RegistryException(reason, $"{operation} {Describe(key)}: {cause}", e)
        {
            StatusCode = e.StatusCode == 0 ? null : e.StatusCode,
            Hint = reason switch
            {
                RegistryFailure.NameUnknown => "make the bucket first: bld does not",
                RegistryFailure.Denied or RegistryFailure.Unauthorized =>
                    "the credentials need s3:GetObject and s3:PutObject, and s3:ListBucket to tell a missing object from a forbidden one",
                _ => null,
            },
        };
    }
}
