#!/usr/bin/env bash
# rungs.sh [RUNG...] -- what each rung of the isolation ladder costs, beside other ways to run a command in a root
#
#   start   one RUN step that writes a file of a few bytes: thirty of them in a build, the build without them taken off, divided by thirty
#   files   one RUN step that unpacks 2,000 files, copies the tree, reads it and removes it
# Rungs (default: all): native chroot as root; userns for a user with sub-ids, userns-single and trace for one without.
# Beside them: buildah (--isolation chroot, as root), and the command alone under runc, proot (-0) and chroot(1).
# Read ratios to "chroot", not seconds. RUNS=N sets how often (default 5). As root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../eng/lib.sh"
[ "$(id -u)" = 0 ] || fail "run as root: it makes users"
runs=${RUNS:-5}
rungs=${*:-native userns userns-single chroot trace}
ensure_packages buildah runc proot hyperfine python3 uidmap
bld=${BLD:-$here/../artifacts/bld}
[ -x "$bld" ] || "$here/../eng/build.sh"

work=$(mktemp -d /var/tmp/bld-rungs.XXXXXX)
chmod 755 "$work"
install -m 0755 "$bld" "$work/bin"
with=bldrung$$ without=bldring$$
useradd -m -K SUB_UID_COUNT=65536 -K SUB_GID_COUNT=65536 "$with"
useradd -m -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$without"
cleanup() {
  grep -o " $work[^ ]*" /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l 2>/dev/null || :
  userdel -r "$with" 2>/dev/null || :
  userdel -r "$without" 2>/dev/null || :
  rm -rf "$work"
}
trap cleanup EXIT

cache=${XDG_CACHE_HOME:-$HOME/.cache}/bld-demo/busybox
"$here/../eng/bases.sh" busybox "$cache" >&2
mkdir -p "$work"/{base,none,start,files,root}
cp "$cache"/* "$work/base/"
tar -C "$work/root" -xf "$cache/rootfs.tar"
python3 - "$work/files/files.tar" <<'P'
import io, random, sys, tarfile
random.seed(1)
with tarfile.open(sys.argv[1], 'w') as out:
    for d in range(40):
        for f in range(50):
            entry = tarfile.TarInfo(f't/d{d}/f{f}')
            entry.size = 8000
            out.addfile(entry, io.BytesIO(random.randbytes(4000) * 2))
P
cp "$work/files/files.tar" "$work/root/"
script='cd / && tar -xf files.tar && cp -a t u && cat u/*/* | sha256sum && rm -r t u'
printf 'FROM bench\n' > "$work/none/Dockerfile"
{ echo FROM bench; for i in $(seq 30); do echo "RUN echo $i > /f"; done; } > "$work/start/Dockerfile"
printf 'FROM bench\nCOPY files.tar /\nRUN %s\n' "$script" > "$work/files/Dockerfile"
printf 'FROM bench\nCOPY files.tar /\n' > "$work/files/Without"
chmod -R a+rX "$work"

# as RUNG: who runs bld on it
as() {
  case $1 in
    userns) echo "$with" ;;
    userns-single | trace) echo "$without" ;;
    *) echo root ;;
  esac
}

# build TOOL ARG...: a build without cache by a rung or by buildah
cat > "$work/build" <<T
#!/bin/sh
tool=\$1
shift
[ "\$tool" = buildah ] && exec buildah --root $work/buildah --runroot $work/buildah-run bud -q --isolation chroot --network host "\$@"
exec env BLD_ROOT=$work/store-\$tool "$work/bin" build -q --no-cache --isolation "\$tool" --network host "\$@"
T
# alone TOOL: the file-heavy command under something that only isolates
cat > "$work/alone" <<T
#!/bin/sh
case \$1 in
  chroot) exec chroot $work/root /bin/sh -c '$script' ;;
  proot) exec runuser -u $without -- proot -0 -r $work/proot /bin/sh -c '$script' ;;
  runc) exec runc --root $work/run run -b $work/bundle bench-\$\$ ;;
esac
T
chmod +x "$work/build" "$work/alone"
cp -a "$work/root" "$work/proot"
chown -R "$without" "$work/proot"
mkdir -p "$work/bundle"
(cd "$work/bundle" && runc spec && python3 - "$work/root" "$script" <<'P'
import json, sys
spec = json.load(open('config.json'))
spec['root'] = {'path': sys.argv[1], 'readonly': False}
spec['process'].update(terminal=False, args=['/bin/sh', '-c', sys.argv[2]])
json.dump(spec, open('config.json', 'w'))
P
)

median() { # COMMAND...: seconds
  hyperfine -N --style none --warmup 1 --runs "$runs" --export-json "$work/figures.json" "$*" > "$work/log" 2>&1 \
    || { tail -5 "$work/log" >&2; echo nan; return 0; }
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["results"][0]["median"])' "$work/figures.json"
}

row() { # NAME START FILES REFERENCE
  python3 - "$@" <<'P'
import sys
name, start, files, reference = sys.argv[1], *map(float, sys.argv[2:])
ms = '' if start != start else f'{start * 1000:.1f} ms a step'
print(f'{name:14} {ms:16} files {files:.2f} s, {files / reference:.1f} of chroot(1)', flush=True)
P
}

reference=$(median "$work/alone chroot")
row 'chroot(1)' nan "$reference" "$reference"
for tool in runc proot; do
  row "$tool" nan "$(median "$work/alone $tool")" "$reference"
done
for tool in $rungs buildah; do
  user=root
  [ "$tool" = buildah ] || user=$(as "$tool")
  run="runuser -u $user -- $work/build $tool"
  if [ "$tool" != buildah ]; then
    mkdir -p "$work/store-$tool"
    chown "$user" "$work/store-$tool"
  fi
  $run -t bench "$work/base" > /dev/null
  none=$(median "$run -t x $work/none")
  start=$(median "$run -t x $work/start")
  without_run=$(median "$run -t x -f $work/files/Without $work/files")
  files=$(median "$run -t x $work/files")
  row "$tool" "$(python3 -c "print(($start - $none) / 30)")" "$(python3 -c "print($files - $without_run)")" "$reference"
done
