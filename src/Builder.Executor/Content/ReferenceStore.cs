// SPDX-License-Identifier: Apache-2.0

using System.Security.Cryptography;
using System.Text;
using Builder.Executor.Interop;
using Builder.Frontend.Naming;
using Builder.Solver.Files;

namespace Builder.Executor.Content;

/// <summary>
/// Names of images: a full reference means the digest of a manifest or index. One small file a name, called by a digest
/// of the name (names may be longer than file names), replaced by one rename. Thread-safe.
/// </summary>
public sealed class ReferenceStore
{
    private readonly string _directory;
    private readonly TemporaryFiles _tmp;

    internal ReferenceStore(string directory, TemporaryFiles tmp)
    {
        _directory = directory;
        _tmp = tmp;
    }

    /// <summary>What a name means, or null.</summary>
    public Digest? Find(ImageReference name) => Read(PathOf(name))?.Target;

    /// <summary>Makes a name mean something, atomically and durably; gives what it meant before.</summary>
    public Digest? Set(ImageReference name, Digest target)
    {
        Digest? former = Find(name);
        if (former != target)
        {
            _tmp.WriteAtomically(PathOf(name), Encoding.UTF8.GetBytes($"{name}\n{target}\n"), durable: true);
        }

        return former;
    }

    /// <summary>Removes a name; false when there is none.</summary>
    public bool Remove(ImageReference name) =>
        AtCalls.TryUnlink(AtCalls.CurrentDirectory, PathEncoding.Encode(PathOf(name)));

    /// <summary>All names, sorted.</summary>
    public IReadOnlyList<(ImageReference Name, Digest Target)> List() =>
        [.. Directory.EnumerateFiles(_directory).Select(Read).OfType<(ImageReference Name, Digest Target)>()
            .OrderBy(entry => entry.Name.ToString(), StringComparer.Ordinal)];

    /// <summary>True when a file stands where that of a name must stand.</summary>
    internal bool IsInPlace(string path, ImageReference name) => string.Equals(path, PathOf(name), StringComparison.Ordinal);

    /// <summary>Reads a name's file; null when it is gone or damaged: as if it were not there.</summary>
    internal static (ImageReference Name, Digest Target)? Read(string path)
    {
        try
        {
            string[] lines = File.ReadAllText(path).Split('\n');
            return lines.Length >= 2 && ImageReference.TryParse(lines[0], out ImageReference? name)
                && Digest.TryParse(lines[1], out Digest target)
                    ? (name, target)
                    : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string PathOf(ImageReference name) => Path.Combine(
        _directory, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name.ToString())))[..40]);
}
