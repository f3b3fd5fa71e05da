#!/usr/bin/env bash
# bases.sh busybox|python DIR -- make the root file system of a stand-in base image from Debian packages
#
# For machines where no public registry answers. DIR/rootfs.tar and DIR/Dockerfile come out; `bld build DIR` makes
# the image of them:
#   busybox   static busybox and its applet links: a small "busybox"
#   python    Debian's minbase with python3 and pip: stands in for "python:3.12-slim"
# Works as root; python also as an ordinary user with sub-ids (mmdebstrap's unshare mode).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
[ $# = 2 ] || { sed -n '2,10p' "$0"; exit 2; }
kind=$1 dir=$2
mkdir -p "$dir"
[ ! -s "$dir/rootfs.tar" ] || [ ! -s "$dir/Dockerfile" ] || exit 0
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

make_busybox() {
  ensure_packages busybox-static
  local root
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc,root,home,dev,proc,sys,run,var/www}
  mkdir -m 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  "$root/bin/busybox" --list | while read -r applet; do
    [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
  done
  ln -s /bin/env "$root/usr/bin/env"
  printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' > "$root/etc/passwd"
  printf 'root:x:0:\nwww-data:x:33:\nnobody:x:65534:\n' > "$root/etc/group"
  tar -C "$root" --sort=name --numeric-owner --owner=0 --group=0 --mtime=@1735689600 -cf "$dir/.rootfs.tar" .
  rm -rf "$root"
  cat > "$dir/Dockerfile" <<D
FROM scratch
ADD rootfs.tar /
ENV PATH=$path
CMD ["sh"]
D
}

make_python() {
  ensure_packages mmdebstrap
  # no documentation, locales and caches, as slim images have it
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-pip \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='ln -sf python3 "$1/usr/bin/python"; rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*' \
    bookworm "$dir/.rootfs.tar"
  cat > "$dir/Dockerfile" <<D
FROM scratch
ADD rootfs.tar /
ENV PATH=$path LANG=C.UTF-8
CMD ["python3"]
D
}

case $kind in
  busybox | python) "make_$kind" ;;
  *) fail "unknown base $kind" ;;
esac
mv "$dir/.rootfs.tar" "$dir/rootfs.tar"
