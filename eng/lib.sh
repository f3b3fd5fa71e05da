# Functions of the scripts in this folder; sourced, not run.

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DEBIAN_FRONTEND=noninteractive

# ensure_packages PACKAGE...: install the Debian packages that are missing, or say how
ensure_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = 'ii ' ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || fail "missing packages; as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# free_port: a TCP port of 127.0.0.1 that nobody listens on
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_registry DIR: docker-registry on loopback with its files in DIR; sets REGISTRY and REGISTRY_PID
start_registry() {
  ensure_packages docker-registry curl
  REGISTRY=127.0.0.1:$(free_port)
  mkdir -p "$1"
  cat > "$1/config.yml" <<Y
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $1/data}, delete: {enabled: true}}
http: {addr: $REGISTRY}
Y
  docker-registry serve "$1/config.yml" > "$1/log" 2>&1 &
  REGISTRY_PID=$!
  local i
  for i in $(seq 50); do
    curl -fs "http://$REGISTRY/v2/" >/dev/null && return 0
    sleep 0.1
  done
  fail "docker-registry did not start: $(tail -3 "$1/log")"
}

# ensure_s3rver: an S3-compatible server for the tests of --cache-to type=s3; without npm's registry they are skipped
ensure_s3rver() {
  local prefix=${XDG_CACHE_HOME:-$HOME/.cache}/bld-s3rver
  [ ! -e "$prefix/node_modules/s3rver/bin/s3rver.js" ] || return 0
  command -v npm >/dev/null || ensure_packages npm
  mkdir -p "$prefix"
  npm install --silent --no-audit --no-fund --prefix "$prefix" s3rver@3.7.1 >/dev/null \
    || echo "no s3rver: the tests of type=s3 will be skipped"
}
