// SPDX-License-Identifier: Apache-2.0

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Builder.TestSupport;
using Xunit;

namespace Builder.EndToEnd.Tests;

/// <summary>
/// What a beginners' guide to containers tells its readers to type, with bld in docker's place: images, ENTRYPOINT and
/// CMD, the way from a Dockerfile to an answer over HTTP, and tidying up.
/// </summary>
public sealed class GuideTests(Bases bases) : IClassFixture<Bases>
{
    [RootFact]
    public void Images_are_pulled_listed_named_and_removed()
    {
        using var bld = new Bld();
        bld.Ok(["pull", .. bases.Mirror, "busybox"]);
        bld.Ok(["pull", .. bases.Mirror, "busybox:latest"]);
        bld.Ok("pull", $"{bases.Registry}/library/busybox:latest");
        string[] header = bld.Ok("images").Lines[0].Split("  ", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"], header.Select(word => word.Trim()));
        Assert.Equal(bld.Ok("images", "-q").Output, bld.Ok("image", "ls", "-q").Output);
        Assert.Contains("busybox", Assert.Single(bld.Ok("image", "ls", "busybox").Lines[1..]), StringComparison.Ordinal);
        Assert.Single(bld.Ok("image", "ls", "busybox:latest").Lines[1..]);
        Assert.Empty(bld.Ok("image", "ls", "busybox:1").Lines[1..]);

        // jq '.[0].Config.Entrypoint, .[0].Config.Cmd'
        using JsonDocument inspected = JsonDocument.Parse(bld.Ok("image", "inspect", "busybox").Output);
        JsonElement config = inspected.RootElement[0].GetProperty("Config");
        Assert.Equal(JsonValueKind.Null, config.GetProperty("Entrypoint").ValueKind);
        Assert.Equal("sh", config.GetProperty("Cmd")[0].GetString());

        bld.Ok("tag", "busybox", "registry.ejemplo.com/miapp/backend:1.0.0");
        Assert.Contains("registry.ejemplo.com/miapp/backend", bld.Ok("images").Output, StringComparison.Ordinal);
        Assert.Contains("Untagged: registry.ejemplo.com/miapp/backend:1.0.0", bld.Ok("rmi", "registry.ejemplo.com/miapp/backend:1.0.0").Output, StringComparison.Ordinal);
        bld.Ok("rmi", $"{bases.Registry}/library/busybox:latest");
        string id = bld.Ok("images", "-q", "busybox").Text;
        Assert.Matches("^[0-9a-f]{12}$", id);
        Assert.Contains("Deleted: sha256:", bld.Ok("rmi", id).Output, StringComparison.Ordinal);
        Assert.Single(bld.Ok("images").Lines);
    }

    [RootFact]
    public void Commands_of_groups_are_those_without_one()
    {
        using Bld bld = Loaded();
        bld.Ok("container", "run", "--name", "c", "busybox", "true");
        Assert.Equal(bld.Ok("images", "-q").Output, bld.Ok("image", "list", "-q").Output);
        Assert.Equal(bld.Ok("ps", "-aq").Output, bld.Ok("container", "ls", "-aq").Output);
        Assert.Equal(bld.Ok("ps", "-aq").Output, bld.Ok("container", "ps", "-aq").Output);
        Assert.Equal(bld.Ok("inspect", "busybox").Output, bld.Ok("image", "inspect", "busybox").Output);
        Assert.Equal(bld.Ok("history", "-q", "busybox").Output, bld.Ok("image", "history", "-q", "busybox").Output);
        bld.Ok("container", "inspect", "c");
        bld.Ok("container", "rm", "c");
        bld.Ok("image", "tag", "busybox", "other");
        bld.Ok("image", "rm", "other");
        bld.Ok("system", "info");
        bld.Ok("system", "df");
        bld.Ok("volume", "ls");
        string context = bld.Context("c", "FROM scratch\nCOPY a /\n", ("a", "a"));
        bld.Ok("image", "build", context);
        bld.Ok("buildx", "build", "--load", context);
    }

    [RootFact]
    public void Arguments_of_run_replace_the_command_and_not_the_entrypoint()
    {
        using Bld bld = Loaded();
        string context = bld.Context("c", """
            FROM busybox
            ENTRYPOINT ["echo", "npm", "run"]
            CMD ["dev"]
            """);
        bld.Ok("build", "-t", "myapp:dev", context);
        Assert.Equal("npm run dev", bld.Ok("run", "--rm", "myapp:dev").Text);
        Assert.Equal("npm run build", bld.Ok("run", "--rm", "myapp:dev", "build").Text);
        Assert.Equal(
            "[echo npm run] [dev]", bld.Ok("image", "inspect", "-f", "{{.Config.Entrypoint}} {{.Config.Cmd}}", "myapp:dev").Text);
        string[] history = bld.Ok("history", "myapp:dev").Lines;
        Assert.StartsWith("IMAGE ", history[0], StringComparison.Ordinal);
        Assert.Contains("CMD [\"dev\"]", history[1], StringComparison.Ordinal);
        Assert.Contains("ENTRYPOINT [\"echo\" \"npm\" \"run\"]", history[2], StringComparison.Ordinal);
        Assert.All(history[2..], line => Assert.StartsWith("<missing>", line, StringComparison.Ordinal));
    }

    [RootFact]
    public void An_application_is_built_run_asked_over_http_and_stopped_by_interrupt()
    {
        using Bld bld = Loaded();
        string context = bld.Context(
            "mi-app",
            """
            FROM busybox

            #) Directorio de trabajo
            WORKDIR /app

            #) Copiar dependencias (capa estable)
            COPY requirements.txt /app/
            RUN cat requirements.txt || echo "Sin dependencias"

            #) Copiar código de la aplicación (capa volátil)
            COPY src/ /app/src/

            #) Configurar ENTRYPOINT/CMD
            EXPOSE 8000
            ENTRYPOINT ["sh", "-c", "trap 'exit 0' INT; echo Servidor escuchando; httpd -f -p 8000 -h /app/src & while :; do sleep 0.1; done"]
            CMD []
            """,
            ("requirements.txt", "# vacío\n"), ("src/index.html", "Hola desde un contenedor!\n"));
        bld.Command("build", "-t", "mi-app:dev", ".").In(context).Run().Succeeded();
        Assert.Single(bld.Ok("image", "ls", "mi-app").Lines[1..]);
        int port = RegistryServer.FreePort();
        using Process run = bld.Command("run", "--rm", "-p", $"{port}:8000", "mi-app:dev").Start();
        Eventually(() =>
            new Command("curl", "-fs", "--max-time", "5", $"http://localhost:{port}/").Run().Output == "Hola desde un contenedor!\n");
        string[] listed = bld.Ok("ps").Lines;
        Assert.Equal(2, listed.Length);
        Assert.Contains($"0.0.0.0:{port}->8000/tcp", listed[1], StringComparison.Ordinal);
        string id = bld.Ok("ps", "-q").Text;
        Assert.Equal("Servidor escuchando\n", bld.Ok("logs", id).Output);
        CommandResult conflict = bld.Run("rmi", "mi-app:dev").Failed(1);
        Assert.Contains("must be forced - image is being used by running container", conflict.Error, StringComparison.Ordinal);
        Assert.Contains(id, conflict.Error, StringComparison.Ordinal);
        new Command("kill", "-INT", run.Id.ToString(CultureInfo.InvariantCulture)).Run().Succeeded();
        Assert.True(run.WaitForExit(20_000));
        Assert.Empty(bld.Ok("ps", "-aq").Lines);
        Assert.Single(bld.Ok("image", "ls", "mi-app").Lines[1..]);
    }

    [RootFact]
    public void A_named_container_is_entered_stopped_removed_and_its_image_after_it()
    {
        using Bld bld = Loaded();
        int port = RegistryServer.FreePort();
        bld.Ok("run", "--name", "nginx-lab", "-p", $"{port}:80", "-d", "busybox", "httpd", "-f", "-p", "80");
        Assert.Contains("nginx-lab", bld.Ok("ps").Output, StringComparison.Ordinal);
        Assert.Equal("y", Terminal(bld, "exec -it nginx-lab /bin/sh -c 'test -t 0 && echo y'"));
        Assert.Contains("image is being used by", bld.Run("rmi", "busybox").Failed(1).Error, StringComparison.Ordinal);
        Assert.Equal("nginx-lab", bld.Ok("stop", "-t", "1", "nginx-lab").Text);
        Assert.Contains("Exited", bld.Ok("ps", "-a").Output, StringComparison.Ordinal);
        Assert.Single(bld.Ok("ps").Lines);
        Assert.Equal("nginx-lab", bld.Ok("rm", "nginx-lab").Text);
        bld.Ok("rmi", "busybox");
        Assert.Empty(bld.Ok("images", "-q").Lines);
    }

    [RootFact]
    public void An_interactive_container_has_a_terminal_and_keeps_its_files()
    {
        using Bld bld = Loaded();
        Assert.Equal("x", Terminal(bld, "run --name py-demo -it busybox sh -c 'test -t 0 && test -t 1 && echo x | tee /file'"));
        Assert.Contains("Exited (0)", bld.Ok("ps", "-a").Output, StringComparison.Ordinal);
        Assert.Contains("not a TTY", bld.Run("run", "-it", "busybox", "true").Failed(125).Error, StringComparison.Ordinal);
        bld.Ok("start", "py-demo");
        Eventually(() => bld.Ok("ps", "-q").Text.Length == 0);
        bld.Ok("rm", "py-demo");
    }

    [RootFact]
    public void Pruning_asks_first_and_takes_what_nothing_uses()
    {
        using Bld bld = Loaded();
        string context = bld.Context("c", "FROM busybox\nRUN echo 1 > /a\n");
        bld.Ok("build", "-t", "a", context);
        bld.Write("c/Dockerfile", "FROM busybox\nRUN echo 2 > /a\n");
        bld.Ok("build", "-t", "a", context);
        Assert.Contains("[y/N]", bld.Command("image", "prune").Input("n\n").Run().ToString(), StringComparison.Ordinal);
        CommandResult pruned = bld.Command("image", "prune").Input("y\n").Run().Succeeded();
        Assert.Contains("Total reclaimed space:", pruned.Output, StringComparison.Ordinal);
        Assert.Equal(2, bld.Ok("images", "-q").Lines.Length);
        bld.Ok("run", "--name", "user", "a", "true");
        bld.Command("image", "prune", "-a").Input("y\n").Run().Succeeded();
        Assert.Equal("a", bld.Ok("images", "--format", "{{.Repository}}").Text);
        bld.Command("system", "prune", "-a").Input("y\n").Run().Succeeded();
        Assert.Empty(bld.Ok("ps", "-aq").Lines);
        Assert.Empty(bld.Ok("images", "-q").Lines);
    }

    [RootFact]
    public void An_image_is_pushed_under_the_name_of_its_registry()
    {
        using Bld bld = Loaded();
        bld.Ok("tag", "busybox", $"{bases.Registry}/miapp/backend:1.0.0");
        Assert.Contains("digest: sha256:", bld.Ok("push", $"{bases.Registry}/miapp/backend:1.0.0").Output, StringComparison.Ordinal);
        Assert.Contains("Runtimes: ", bld.Ok("info").Output, StringComparison.Ordinal);
    }

    /// <summary>What a command prints to the terminal that it is given.</summary>
    private static string Terminal(Bld bld, string arguments) =>
        new Command("script", "-qec", $"{Bld.Executable} {arguments}", "/dev/null")
            .With("BLD_ROOT", bld.Root).Run().Succeeded().Lines[0].Trim().Replace("^@", "", StringComparison.Ordinal); // script's end of input, echoed

    private static void Eventually(Func<bool> condition)
    {
        for (int attempt = 0; !condition(); attempt++)
        {
            Assert.True(attempt < 100, "it did not happen within 10 s");
            Thread.Sleep(100);
        }
    }

    private Bld Loaded()
    {
        var bld = new Bld();
        bld.Ok("load", "-i", bases.Archive);
        return bld;
    }
}
