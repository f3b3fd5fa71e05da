#!/usr/bin/env bash
# demo.sh -- the main job from end to end, in front of your eyes: build, rebuild, run, answer over HTTP, save, load
#
# Needs a Debian machine with the .NET SDK; what else is missing is installed when run as root. Works as root and as
# an ordinary user. BLD=FILE uses an executable that is there already. Everything it makes is in a folder of its own
# below ${TMPDIR:-/tmp} and is removed at the end; the base's tarball stays in ~/.cache/bld-demo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

show() { printf '\n\033[1;32m$ %s\033[0m\n' "$*"; }
run() { show "$@"; "$@"; }
check() { # TEXT FILE WHAT: stop when the text is not there
  grep -qF -- "$1" "$2" || fail "expected \"$1\" in $3: $(tail -5 "$2")"
}

ensure_packages curl python3
if [ -z "${BLD:-}" ]; then
  "$here/build.sh"
  BLD=$(cd "$here/.." && pwd)/artifacts/bld
fi
work=$(mktemp -d)
bin=$work/bin log=$work/log
mkdir "$bin"
ln -s "$BLD" "$bin/bld"
export PATH=$bin:$PATH BLD_ROOT=$work/store
port=$(free_port)
cleanup() {
  bld rm -f demo >/dev/null 2>&1 || :
  bld system prune --all --force >/dev/null 2>&1 || :
  chmod -R u+rwX "$work" 2>/dev/null || :
  rm -rf "$work"
}
trap cleanup EXIT

say "a base image: python:3.12-slim"
if ! timeout 30 bld pull python:3.12-slim 2>/dev/null; then
  echo "no registry answers: a stand-in from Debian's packages takes its place"
  base=${XDG_CACHE_HOME:-$HOME/.cache}/bld-demo/python
  "$here/bases.sh" python "$base"
  run bld build -q -t python:3.12-slim "$base"
fi

say "the guide's application"
app=$work/mi-app
mkdir -p "$app/src"
cat > "$app/src/main.py" <<'P'
from http.server import HTTPServer, BaseHTTPRequestHandler

class SimpleHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"Hola desde un contenedor!\n")

if __name__ == "__main__":
    server = HTTPServer(("0.0.0.0", 8000), SimpleHandler)
    print("Servidor escuchando en http://0.0.0.0:8000", flush=True)
    server.serve_forever()
P
echo '# no dependencies' > "$app/requirements.txt"
cat > "$app/Dockerfile" <<'D'
FROM python:3.12-slim

# Directorio de trabajo
WORKDIR /app

# Copiar dependencias de Python (capa estable)
COPY requirements.txt /app/
RUN pip install --no-cache-dir -r requirements.txt || echo "Sin dependencias"

# Copiar código de la aplicación (capa volátil)
COPY src/ /app/src/

# Configurar ENTRYPOINT/CMD
EXPOSE 8000
ENTRYPOINT ["python", "-m", "src.main"]
CMD []
D
cd "$app"
run cat Dockerfile
run bld info

say "build"
run bld build -t mi-app:dev .

say "build again: every step comes from the cache"
show bld build -t mi-app:dev .
bld build --progress plain -t mi-app:dev . 2>&1 | tee "$log"
[ "$(grep -c CACHED "$log")" -ge 4 ] || fail "expected four cached steps"

say "change src/main.py: only the last COPY runs"
sed -i 's/print("Servidor escuchando/print("Servidor (v2) escuchando/' src/main.py
show bld build -t mi-app:dev .
bld build --progress plain -t mi-app:dev . 2>&1 | tee "$log"
[ "$(grep -c CACHED "$log")" -ge 3 ] || fail "expected three cached steps"

run bld images
run bld history mi-app:dev
show "bld image inspect mi-app:dev  (Entrypoint)"
bld image inspect -f '{{json .Config.Entrypoint}}' mi-app:dev

say "run it, and ask it"
run bld run --rm -d --name demo -p "$port:8000" mi-app:dev
for _ in $(seq 100); do
  curl -fs "http://127.0.0.1:$port/" > "$log" 2>/dev/null && break
  sleep 0.1
done
show curl "http://127.0.0.1:$port/"
cat "$log"
check 'Hola desde un contenedor!' "$log" 'the answer'
run bld ps
show bld logs demo
bld logs demo 2>&1 | tee "$log"
check 'Servidor (v2) escuchando' "$log" 'the log'
run bld stop demo
show bld ps -a
bld ps -a | tee "$log"
! grep -q demo "$log" || fail "the container should be gone (--rm)"

say "carry it as a tarball"
run bld save -o "$work/mi-app.tar" mi-app:dev
run bld rmi mi-app:dev
run bld load -i "$work/mi-app.tar"
run bld run --rm --entrypoint python mi-app:dev -c 'print("loaded and running")'

say "done"
