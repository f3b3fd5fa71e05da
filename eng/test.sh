#!/usr/bin/env bash
# test.sh -- everything that CI checks, on a fresh Debian machine with only the .NET SDK (as root)
#
#   1 format and warnings  2 unit tests  3 the published executable, end to end
#   4 the conformance cases, where their folder is there (CONFORMANCE=DIR, or ../shared/suites)
# The last line is "N passed, N failed" (", N skipped"); the exit status is 0 only when nothing failed.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
cd "$here/.."
passed=0 failed=0 skipped=0
logs=$(mktemp -d)
trap 'kill ${REGISTRY_PID:-} 2>/dev/null; rm -rf "$logs"' EXIT

count() { # PASSED FAILED SKIPPED
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

step() { # NAME COMMAND...: one check that passes or fails as a whole
  local name=$1 log=$logs/step
  shift
  say "$name"
  if "$@" > "$log" 2>&1; then count 1 0 0; else
    count 0 1 0
    tail -40 "$log"
    echo "FAILED: $name"
  fi
}

suite() { # PROJECT: an xunit executable, with its totals added to ours
  local project=$1 log=$logs/$1 line total errors bad skip
  say "$project"
  "tests/$project/bin/Release/net10.0/$project" -noColor -longRunning 60 > "$log" 2>&1
  local status=$?
  grep -E '\[FAIL\]|\[SKIP\]|^ {4,}' "$log" | head -150
  line=$(grep -E "Total: [0-9]+" "$log" | tail -1)
  if [ -z "$line" ]; then
    count 0 1 0
    tail -20 "$log"
    echo "FAILED: $project did not finish (status $status)"
    return
  fi
  echo "$line"
  total=$(sed -E 's/.*Total: ([0-9]+).*/\1/' <<< "$line")
  errors=$(sed -E 's/.*Errors: ([0-9]+).*/\1/' <<< "$line")
  bad=$(sed -E 's/.*Failed: ([0-9]+).*/\1/' <<< "$line")
  skip=$(sed -E 's/.*Skipped: ([0-9]+).*/\1/' <<< "$line")
  count $((total - bad - skip)) $((bad + errors)) "$skip"
  [ "$total" -gt 0 ] || count 0 1 0
}

# conformance DIR: the cases' own runner against the published executable; every verdict counts
conformance() {
  local dir=$1 work=${XDG_CACHE_HOME:-$HOME/.cache}/image-conformance
  say "conformance cases in $dir"
  ensure_packages skopeo python3 busybox-static mmdebstrap
  mkdir -p "$logs/cases"
  start_registry "$logs/registry"
  bash "$dir/../bases/make-bases" -o "$work/bases" -r "$REGISTRY" > "$logs/bases" 2>&1 || tail -5 "$logs/bases"
  python3 "$here/conformance-links.py" "$dir" "$logs/cases/suites"
  (cd "$logs/cases/suites" && PYTHONDONTWRITEBYTECODE=1 BLD=$PWD_BLD python3 -m runner --builder bld --registry "$REGISTRY" \
    --work "$work" -j 2 -v --json "$logs/verdicts.json") > "$logs/conformance" 2>&1
  grep -vE '^[0-9]+ of ' "$logs/conformance" | tail -150
  if [ ! -s "$logs/verdicts.json" ]; then
    count 0 1 0
    return
  fi
  # known.json: cases whose expectation is wrong or not reached, each with its written reason
  read -r p f s < <(python3 "$here/conformance-verdicts.py" "$logs/verdicts.json" testdata/conformance-known.json)
  count "$p" "$f" "$s"
}

say "packages"
ensure_packages git curl python3 skopeo umoci uidmap passt docker-registry redis-server jq busybox-static attr \
  qemu-user-static btrfs-progs xfsprogs libcap2-bin crun runc podman gcc binutils binutils-aarch64-linux-gnu zstd xz-utils bzip2 lzip procps apache2-utils \
  netcat-openbsd strace
# clang, lld and the OpenSSL headers are installed by build.sh
ensure_s3rver

step "build" dotnet build Builder.sln -c Release --nologo -v quiet
step "format" dotnet format Builder.sln --no-restore --verify-no-changes
step "publish" eng/build.sh
PWD_BLD=$PWD/artifacts/bld
export BLD=$PWD_BLD

for project in Builder.Frontend.Tests Builder.Solver.Tests Builder.Executor.Tests Builder.Cli.Tests Builder.EndToEnd.Tests; do
  suite "$project"
done

cases=${CONFORMANCE:-$here/../../shared/suites}
if [ -d "$cases/runner" ]; then
  conformance "$(cd "$cases" && pwd)"
else
  echo "no conformance cases at $cases: set CONFORMANCE to their folder"
fi

if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
