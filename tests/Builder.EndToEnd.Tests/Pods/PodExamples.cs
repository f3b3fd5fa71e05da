// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using Builder.TestSupport;

namespace Builder.EndToEnd.Tests.Pods;

/// <summary>
/// What is built in every kind of pod, and what root of the machine makes of it: the guide's application on Python, and a
/// Debian package set with accounts, set-id programmes and file capabilities, by apt-get from a repository on loopback.
/// </summary>
public sealed class PodExamples : IDisposable
{
    /// <summary>The times of everything that is newer.</summary>
    public const string Epoch = "1700000000";

    /// <summary>The guide's application.</summary>
    public const string Guide = "guide";

    /// <summary>The Debian packages.</summary>
    public const string Debian = "debian";

    /// <summary>What Python's tools do.</summary>
    public const string Tools = "tools";

    // A programme that starts the guide's server and asks it.
    private const string Ask = """
        import threading, urllib.request
        from http.server import HTTPServer
        from src.main import SimpleHandler
        server = HTTPServer(("127.0.0.1", 0), SimpleHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).read().decode().strip())
        """;

    // What Ask prints.
    private const string Answer = "Hola desde un contenedor!";

    // A script that looks at what the packages and the step have made.
    private const string Look = """
        stat -c '%a %U:%G %n' /usr/bin/sudo /usr/bin/crontab /usr/lib/dbus-1.0/dbus-daemon-launch-helper /srv/spool /srv/spool/mine
        getcap /bin/ping; id -Gn ada; dpkg -l | grep -c '^ii  \(sudo\|cron\|dbus\|iputils-ping\) '; sudo -u ada id -un
        """;

    // What Look prints.
    private const string Seen = """
        4755 root:root /usr/bin/sudo
        2755 root:crontab /usr/bin/crontab
        4754 root:messagebus /usr/lib/dbus-1.0/dbus-daemon-launch-helper
        2770 ada:mail /srv/spool
        640 ada:mail /srv/spool/mine
        /bin/ping cap_net_raw=ep
        ada sudo
        4
        ada
        """;

    private const string Packages = "sudo cron dbus iputils-ping libcap2-bin";
    private const string Base = "python:3.12-slim";

    private const string GuideDockerfile = $"""
        FROM {Base}

        #) Directorio de trabajo
        WORKDIR /app

        #) Copiar dependencias de Python (capa estable)
        COPY requirements.txt /app/
        RUN pip install --no-cache-dir -r requirements.txt || echo "Sin dependencias"

        #) Copiar código de la aplicación (capa volátil)
        COPY src/ /app/src/

        #) Configurar ENTRYPOINT/CMD
        EXPOSE 8000
        ENTRYPOINT ["python", "-m", "src.main"]
        CMD []
        """;

    private const string Application = """
        from http.server import HTTPServer, BaseHTTPRequestHandler

        class SimpleHandler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(b"Hola desde un contenedor!\n")

        if __name__ == "__main__":
            server = HTTPServer(("0.0.0.0", 8000), SimpleHandler)
            print("Servidor escuchando en http://0.0.0.0:8000")
            server.serve_forever()
        """;

    // What differs from build to build is named here: logs, caches, backups, the machine's id.
    private const string DebianDockerfile = $"""
        FROM {Base}
        ARG REPOSITORY
        ARG SOURCE_DATE_EPOCH
        RUN echo "deb [trusted=yes] $REPOSITORY ./" > /etc/apt/sources.list && rm -rf /etc/apt/sources.list.d/* \
         && apt-get -q update \
         && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends {Packages} \
         && setcap cap_net_raw=ep /bin/ping \
         && useradd -m -G sudo -s /bin/sh ada && install -d -o ada -g mail -m 2770 /srv/spool \
         && su ada -c 'umask 027; id -u > /srv/spool/mine' \
         && apt-get clean \
         && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig /var/cache/debconf/*-old /var/lib/dpkg/*-old \
                   /var/log/* /etc/machine-id /var/lib/dbus/machine-id
        """;

    private const string ToolsDockerfile = $"""
        FROM {Base}
        ARG SOURCE_DATE_EPOCH
        WORKDIR /src
        COPY package/ /src/package/
        RUN tar -C package -cf package.tar . && mkdir copy && tar -C copy -xpf package.tar && rm package.tar \
         && pip install --no-cache-dir --no-index --no-build-isolation ./copy && app && rm -r copy
        RUN python -m venv --without-pip /venv && pip wheel --no-cache-dir --no-index --no-build-isolation -w /tmp/wheels ./package \
         && pip --python /venv/bin/python install --no-cache-dir --no-index /tmp/wheels/*.whl && /venv/bin/app && rm -r /tmp/wheels
        RUN python -c "import multiprocessing as m; d = m.Manager().dict(); d['a'] = m.Pool(4).map(abs, [-1, -2]); print(d['a'])"
        CMD ["app"]
        """;

    private const string Setup = """
        from setuptools import setup
        setup(name="app", version="1.0", packages=["app"], entry_points={"console_scripts": ["app=app:main"]})
        """;

    // apt looks for what Filename says, unescaped: the names are numbers.
    private const string RepositoryDockerfile = $"""
        FROM {Base} AS packages
        WORKDIR /repository
        RUN apt-get -q update && apt-get -q install -y --no-install-recommends --download-only {Packages} \
         && number=0 && for file in /var/cache/apt/archives/*.deb; do \
              number=$((number + 1)) && mv $file $number.deb && dpkg-deb -f $number.deb && echo "Filename: ./$number.deb" \
              && echo "Size: $(stat -c %s $number.deb)" && echo "SHA256: $(sha256sum $number.deb | cut -d' ' -f1)" && echo || exit 1; \
            done > Packages
        FROM scratch
        COPY --from=packages /repository /
        """;

    private readonly RegistryServer? _registry;
    private readonly Process? _repository;
    private readonly string _repositoryAddress = "";
    private readonly Dictionary<string, string[]> _native = [];

    public PodExamples()
    {
        if (Pod.Missing is not null)
        {
            return;
        }

        _registry = new RegistryServer();
        string cache = Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/root", ".cache"),
            "bld-demo", "python");
        new Command(Path.Combine(Bases.Repository, "eng", "bases.sh"), "python", cache).Run().Succeeded();
        string name = $"{_registry.Address}/library/{Base}";
        Native.Ok("build", "-q", "-t", name, cache);
        Native.Ok("push", "-q", name);

        string debs = Native["debs"];
        Native.Ok(["build", .. Mirror, "-o", debs, Native.Context("repository", RepositoryDockerfile)]);
        int port = RegistryServer.FreePort();
        _repositoryAddress = $"http://127.0.0.1:{port}";
        _repository = new Command("busybox", "httpd", "-f", "-p", $"127.0.0.1:{port}", "-h", debs).Start();
        RegistryServer.WaitForPort(port);
    }

    /// <summary>HOST:PORT of the registry that has the base and takes the results.</summary>
    public string Registry => _registry!.Address;

    /// <summary>Root of the machine, who builds natively.</summary>
    internal Bld Native { get; } = new();

    /// <summary>A machine that has built nothing.</summary>
    internal Bld Outside { get; } = new();

    private string[] Mirror => ["--registry-mirror", $"docker.io={Registry}"];

    /// <summary>The flags with which an example is built.</summary>
    public string[] Flags(string name) =>
    [
        .. Mirror, "--progress", "plain", "--timestamp", Epoch, "--build-arg", $"REPOSITORY={_repositoryAddress}",
        "-o", $"type=image,name={name},rewrite-timestamp=true",
    ];

    /// <summary>The files of an example.</summary>
    public static (string Path, string Text)[] Files(string example) => example switch
    {
        Guide => [("Dockerfile", GuideDockerfile), ("requirements.txt", "# Deja vacío si no necesitas librerías externas\n"), ("src/main.py", Application)],
        Debian => [("Dockerfile", DebianDockerfile)],
        _ => [("Dockerfile", ToolsDockerfile), ("package/setup.py", Setup), ("package/app/__init__.py", $"def main(): print('{Tools}')\n")],
    };

    /// <summary>The arguments of <c>run</c> that look at the result.</summary>
    public static string[] Command(string example, string image) => example switch
    {
        Guide => ["--entrypoint", "python", image, "-c", Ask],
        Debian => [image, "sh", "-c", Look],
        _ => [image],
    };

    /// <summary>What that prints.</summary>
    public static string Expected(string example) => example switch
    {
        Guide => Answer,
        Debian => Seen,
        _ => Tools,
    };

    /// <summary>The layers that the machine's root makes of an example, built once.</summary>
    public string[] NativeLayers(string example)
    {
        if (!_native.TryGetValue(example, out string[]? layers))
        {
            (string Path, string Text)[] files = Files(example);
            string context = Native.Context(example, files[0].Text, files[1..]);
            Native.Ok(["build", .. Flags(example), context]);
            layers = _native[example] = Native.DiffIds(example);
        }

        return layers;
    }

    /// <summary>The guide's server, published, is asked.</summary>
    public string AskPublished(string image)
    {
        int port = RegistryServer.FreePort();
        Outside.Ok("run", "--rm", "-d", "--name", "guide", "-p", string.Create(CultureInfo.InvariantCulture, $"{port}:8000"), image);
        try
        {
            return new Command(
                "curl", "-fs", "--retry", "50", "--retry-delay", "0", "--retry-all-errors", "--retry-max-time", "20", $"http://127.0.0.1:{port}/")
                .Run().Succeeded().Output;
        }
        finally
        {
            Outside.Ok("rm", "-f", "guide");
        }
    }

    public void Dispose()
    {
        _repository?.Kill();
        _repository?.Dispose();
        _registry?.Dispose();
        Native.Dispose();
        Outside.Dispose();
    }
}
