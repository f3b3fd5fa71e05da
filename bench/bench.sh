#!/usr/bin/env bash
# bench.sh [WORKLOAD...] -- time bld beside its peers in one run and print the ratios
#
# Peers from Debian's packages: docker (dockerd with its BuildKit, on a socket of its own), buildah and podman. As root.
# Workloads (default: all but the long ones marked *):
#   start   --version                      W1   cold build of the guide's example, base local
#   W2      rebuild, nothing changed       W3   rebuild, src/main.py changed
#   W4      30 RUN steps                   W4c  the same, cached
#   W5*     COPY of 50,000 files, 400 MB   W5same*, W5one*  unchanged; one file changed
#   W6*     COPY of a 1 GiB file           W7   four independent stages of 4 s of sleep
#   W8*     RUN unpacks 20,000 files, deletes 5,000, changes 1,000
#   W10     save as a docker-archive       W11  run --rm IMAGE true
# Read ratios, not seconds. RUNS=N sets how often each command runs (default 5), LONG_RUNS=N the long ones (default 2),
# WARMUP=N how often before that (default 1). PEERS="docker buildah" leaves podman out. BENCH_OUT=DIR keeps the figures.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../eng/lib.sh"
[ "$(id -u)" = 0 ] || fail "run as root: the peers need it"
runs=${RUNS:-5}
long=${LONG_RUNS:-2}
peers=${PEERS:-docker buildah podman}
workloads=${*:-start W1 W2 W3 W4 W4c W7 W10 W11}
ensure_packages docker.io iptables buildah podman hyperfine python3 docker-registry skopeo runc crun
bld=${BLD:-$here/../artifacts/bld}
[ -x "$bld" ] || "$here/../eng/build.sh"
bld=$(realpath "$bld")

work=$(mktemp -d /var/tmp/bld-bench.XXXXXX)
out=${BENCH_OUT:-$work/out}
mkdir -p "$out" "$work/ctx"
cleanup() {
  kill ${DOCKERD_PID:-} ${REGISTRY_PID:-} 2>/dev/null || :
  wait 2>/dev/null || :
  grep -o " $work[^ ]*" /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || :
  rm -rf "$work"
}
trap cleanup EXIT
start_registry "$work/registry" >&2

say "peers" >&2
cat > "$work/daemon.json" <<J
{"registry-mirrors": ["http://$REGISTRY"], "insecure-registries": ["$REGISTRY"], "features": {"buildkit": true}}
J
dockerd --config-file "$work/daemon.json" --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
  -H "unix://$work/docker.sock" --iptables=false --bridge=none > "$work/dockerd.log" 2>&1 &
DOCKERD_PID=$!
export DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=1 BLD_ROOT=$work/bld
for _ in $(seq 100); do /usr/bin/docker info >/dev/null 2>&1 && break; sleep 0.1; done
cat > "$work/registries.conf" <<C
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "$REGISTRY"
insecure = true
C
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf

# one line per tool: how it builds CONTEXT with FLAGS, and how it runs or saves
cat > "$work/tool" <<T
#!/bin/sh
tool=\$1 verb=\$2
shift 2
buildah="buildah --root $work/buildah --runroot $work/buildah-run"
podman="podman --root $work/podman --runroot $work/podman-run --tmpdir $work/podman-tmp --cgroup-manager cgroupfs"
case \$tool-\$verb in
  bld-build) exec "$bld" build -q --network host "\$@" ;;
  docker-build) exec /usr/bin/docker build -q --network host "\$@" ;;
  buildah-build) exec \$buildah bud -q --layers --isolation chroot "\$@" ;;
  podman-build) exec \$podman build -q --layers --isolation chroot "\$@" ;;
  bld-save) exec "$bld" save -o "\$2" "\$1" ;;
  docker-save) exec /usr/bin/docker save -o "\$2" "\$1" ;;
  buildah-save) rm -f "\$2"; exec \$buildah push -q "\$1" "docker-archive:\$2" ;;
  podman-save) rm -f "\$2"; exec \$podman save -q -o "\$2" "\$1" ;;
  bld-run) exec "$bld" run --rm --network host "\$@" ;;
  docker-run) exec /usr/bin/docker run --rm --network host "\$@" ;;
  bld-version) exec "$bld" --version ;;
  docker-version) exec /usr/bin/docker --version ;;
  podman-version) exec podman --version ;;
  buildah-version) exec buildah --version ;;
  *) exit 1 ;;
esac
T
chmod +x "$work/tool"

say "bases" >&2
for base in busybox python; do
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/bld-demo/$base
  "$here/../eng/bases.sh" "$base" "$cache" >&2
  name=busybox:latest
  [ "$base" = busybox ] || name=python:3.12-slim
  "$bld" build -q -t "$name" "$cache" >/dev/null
  "$bld" tag "$name" "$REGISTRY/library/$name"
  "$bld" push -q "$REGISTRY/library/$name" >/dev/null
done

# time_each NAME PREPARE TOOLS COMMAND: the command with {tool} replaced, for each tool, one after the other
time_each() {
  local name=$1 prepare=$2 tools=$3 command=$4 tool args=()
  for tool in $tools; do
    args+=(-n "$tool" "$work/tool $tool ${command//\{tool\}/$tool}")
  done
  hyperfine -N --style none --warmup "${WARMUP:-1}" --runs "$runs" ${prepare:+--prepare "$prepare"} \
    --export-json "$out/$name.json" "${args[@]}" > "$work/hyperfine.log" 2>&1 || { tail -5 "$work/hyperfine.log" >&2; return 0; }
  python3 - "$name" "$out/$name.json" <<'P'
import json, sys
name, results = sys.argv[1], json.load(open(sys.argv[2]))['results']
times = {r['command']: r['median'] for r in results}
best = min((v, k) for k, v in times.items() if k != 'bld')
row = '  '.join(f'{k} {v:.3f} s' for k, v in times.items())
print(f'{name:8} {row}   bld/{best[1]} = {times["bld"] / best[0]:.2f}', flush=True)
P
}

example() {
  mkdir -p "$work/ctx/app/src"
  cat > "$work/ctx/app/Dockerfile" <<'D'
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt /app/
RUN pip install --no-cache-dir -r requirements.txt || echo "Sin dependencias"
COPY src/ /app/src/
EXPOSE 8000
ENTRYPOINT ["python", "-m", "src.main"]
CMD []
D
  echo '# none' > "$work/ctx/app/requirements.txt"
  echo 'print("hola")' > "$work/ctx/app/src/main.py"
}

steps() {
  mkdir -p "$work/ctx/steps"
  { echo FROM busybox; for i in $(seq 30); do echo "RUN echo $i > /f$i"; done; } > "$work/ctx/steps/Dockerfile"
}

many() {
  [ ! -d "$work/ctx/many" ] || return 0
  mkdir -p "$work/ctx/many/files"
  printf 'FROM busybox\nCOPY files /files\n' > "$work/ctx/many/Dockerfile"
  python3 - "$work/ctx/many/files" <<'P'
import os, random, sys
random.seed(1)
for d in range(500):
    os.makedirs(f'{sys.argv[1]}/d{d}')
    for f in range(100):
        with open(f'{sys.argv[1]}/d{d}/f{f}', 'wb') as o:
            o.write(random.randbytes(4000) * 2)
P
}

all="bld $peers"
for workload in $workloads; do
  case $workload in
    start) time_each start '' "$all" version ;;
    W1) example; time_each W1 '' "$all" "build --no-cache -t w1 $work/ctx/app" ;;
    W2) example; time_each W2 '' "$all" "build -t w2 $work/ctx/app" ;;
    W3) example; time_each W3 "sh -c 'date +%N >> $work/ctx/app/src/main.py'" "$all" "build -t w3 $work/ctx/app" ;;
    W4) steps; time_each W4 '' "$all" "build --no-cache -t w4 $work/ctx/steps" ;;
    W4c) steps; time_each W4c '' "$all" "build -t w4 $work/ctx/steps" ;;
    W5) many; runs=$long time_each W5 '' "$all" "build --no-cache -t w5 $work/ctx/many" ;;
    W5same) many; runs=$long time_each W5same '' "$all" "build -t w5 $work/ctx/many" ;;
    W5one) many; runs=$long time_each W5one "sh -c 'date +%N > $work/ctx/many/files/d7/f7'" "$all" "build -t w5 $work/ctx/many" ;;
    W6)
      mkdir -p "$work/ctx/big"
      printf 'FROM busybox\nCOPY big /big\n' > "$work/ctx/big/Dockerfile"
      dd if=/dev/urandom of="$work/ctx/big/big" bs=1M count=1024 status=none
      runs=$long time_each W6 '' "$all" "build --no-cache -t w6 $work/ctx/big" ;;
    W7)
      mkdir -p "$work/ctx/stages"
      {
        for i in 1 2 3 4; do printf 'FROM busybox AS s%s\nRUN sleep 4; echo %s > /out%s\n' $i $i $i; done
        echo FROM busybox
        for i in 1 2 3 4; do echo "COPY --from=s$i /out$i /"; done
      } > "$work/ctx/stages/Dockerfile"
      runs=$long time_each W7 '' "$all" "build --no-cache -t w7 $work/ctx/stages" ;;
    W8)
      mkdir -p "$work/ctx/unpack"
      many
      tar -C "$work/ctx/many/files" -cf "$work/ctx/unpack/files.tar" $(cd "$work/ctx/many/files" && ls -d d? d?? d1??)
      cat > "$work/ctx/unpack/Dockerfile" <<'D'
FROM busybox
COPY files.tar /
RUN mkdir /t && tar -C /t -xf /files.tar
RUN for d in $(seq 0 49); do rm -r /t/d$d; done; for d in $(seq 50 59); do for f in $(seq 0 99); do echo x >> /t/d$d/f$f; done; done
D
      runs=$long time_each W8 '' "$all" "build --no-cache -t w8 $work/ctx/unpack" ;;
    W10)
      example
      for tool in $all; do "$work/tool" $tool build -t w10 "$work/ctx/app" >/dev/null 2>&1; done
      time_each W10 '' "$all" "save w10 $work/save-{tool}.tar" ;;
    W11)
      for tool in bld docker; do "$work/tool" $tool build -t w11 - <<< 'FROM busybox' >/dev/null 2>&1 || :; done
      time_each W11 '' 'bld docker' "run w11 true" ;;
    *) fail "unknown workload $workload" ;;
  esac
done
