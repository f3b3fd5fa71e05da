#!/usr/bin/env bash
# image.sh [--shell] [--output FILE] [NAME] -- the image that a pod runs: FROM scratch with the static bld, built by bld
#
# It holds /usr/bin/bld, CA certificates, /etc/passwd (root and user 1000) and directories to work in; the store is at
# /var/lib/bld. --shell adds a static busybox at /busybox, for CI systems that run scripts in the image (GitLab CI, Tekton).
# NAME (default bld:dev) is what it is called in the store of $BLD_ROOT; --output FILE writes an OCI archive as well.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh

shell='' output='' name=bld:dev
while [ $# -gt 0 ]; do
  case $1 in
    --shell) shell=1 ;;
    --output) output=$2; shift ;;
    -*) sed -n '2,7p' "$0"; exit 2 ;;
    *) name=$1 ;;
  esac
  shift
done

bld=${BLD:-artifacts/bld}
[ -x "$bld" ] || fail "no executable: run eng/build.sh or set BLD"
bld=$(realpath "$bld")
if ldd "$bld" 2>/dev/null | grep -q '=>'; then fail "$bld is not static: run eng/build.sh without --dynamic"; fi

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir -p "$context"/root/{usr/bin,etc/ssl/certs,root,var/lib,home}
mkdir -m 1777 "$context"/root/{tmp,workspace,var/lib/bld,home/user} # for whatever user the pod runs as
cp "$bld" "$context/root/usr/bin/bld"
cp /etc/ssl/certs/ca-certificates.crt "$context/root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/root:/busybox/sh\nuser:x:1000:1000:user:/home/user:/busybox/sh\n' > "$context/root/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\n' > "$context/root/etc/group"
path=/usr/bin
if [ -n "$shell" ]; then
  command -v busybox >/dev/null || ensure_packages busybox-static
  mkdir -p "$context/root/busybox" "$context/root/bin"
  cp "$(command -v busybox)" "$context/root/busybox/busybox"
  "$context/root/busybox/busybox" --list | while read -r applet; do
    [ "$applet" = busybox ] || ln -s busybox "$context/root/busybox/$applet"
  done
  ln -s /busybox/sh "$context/root/bin/sh"
  path=$path:/busybox
fi

# One layer, the same bits for the same executable: times are set.
find "$context/root" -exec touch -h -d @1735689600 {} +
cat > "$context/Dockerfile" <<D
FROM scratch
COPY root/ /
ENV PATH=$path BLD_ROOT=/var/lib/bld
VOLUME /var/lib/bld
WORKDIR /workspace
ENTRYPOINT ["/usr/bin/bld"]
D
if [ -n "$shell" ]; then sed -i 's/^ENTRYPOINT.*/CMD ["sh"]/' "$context/Dockerfile"; fi
"$bld" build -q -t "$name" "$context"
[ -z "$output" ] || "$bld" build -q -t "$name" -o "type=oci,dest=$output" "$context"
say "built $name"
