// SPDX-License-Identifier: Apache-2.0

using Builder.TestSupport;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>Says which files of two images differ and in what, for messages of tests.</summary>
internal static class ImageDifference
{
    // Each layer as lines "mode owner size time path" and "content path".
    private const string Script = """
        set -e; work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
        for side in 1 2; do
          mkdir "$work/$side"; eval "tar -C \"$work/$side\" -xf \"\$$side\""
          number=0
          for layer in $(tr ',' '\n' < "$work/$side/manifest.json" | tr -d '[]"{}' | sed 's/^Layers://' | grep -E '(tar|blobs/).*' | grep -v Config); do
            number=$((number + 1))
            { tar --xattrs --numeric-owner --full-time -tvvf "$work/$side/$layer"
              tar -xf "$work/$side/$layer" --to-command='printf "%s %s\n" "$(sha256sum | cut -c1-16)" "$TAR_FILENAME"'; } | sed "s/^/$number /"
          done > "$work/list$side"
        done
        diff "$work/list1" "$work/list2" | head -80
        """;

    /// <summary>The lines in which two archives of <c>bld save</c> differ: "&lt;" the first, "&gt;" the second.</summary>
    public static string Describe(string first, string second) =>
        "layers differ:\n" + new Command("bash", "-c", Script, "bash", first, second).Run();
}
