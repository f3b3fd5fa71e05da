// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend.Naming;
using Builder.Solver.Graph;
using Builder.Solver.Images;

namespace Builder.Solver.Lowering;

/// <summary>A stage while it is lowered, and afterwards what stages and images that start from it take over.</summary>
internal sealed class LoweredStage
{
    /// <summary>Begins a stage.</summary>
    public LoweredStage(StageHead head, Platform platform, ImageConfig config, FileSystemInput fileSystem)
    {
        Head = head;
        Platform = platform;
        Config = new ImageConfigEditor(config);
        FileSystem = fileSystem;
        Variables = new EnvironmentList();
        Variables.SetAll(config.Env);
        DeclaredArgs = [];
        History = [];
    }

    /// <summary>Begins a stage where another one ended: its variables and ARGs stay, its triggers do not.</summary>
    public LoweredStage(StageHead head, LoweredStage parent)
    {
        Head = head;
        Platform = parent.Platform;
        Config = new ImageConfigEditor(parent.Config.Current with { OnBuild = [] });
        FileSystem = parent.FileSystem;
        Variables = new EnvironmentList(parent.Variables);
        DeclaredArgs = [.. parent.DeclaredArgs];
        History = [.. parent.History];
    }

    /// <summary>What is known before its first instruction.</summary>
    public StageHead Head { get; }

    /// <summary>The platform of its commands.</summary>
    public Platform Platform { get; }

    /// <summary>The config so far; its file system and history are those of the base image until all steps are done.</summary>
    public ImageConfigEditor Config { get; }

    /// <summary>The file system so far.</summary>
    public FileSystemInput FileSystem { get; set; }

    /// <summary>What variables mean: the image's environment and the ARGs that have a value.</summary>
    public EnvironmentList Variables { get; }

    /// <summary>The ARGs declared so far, in order, once each: history shows them before a RUN.</summary>
    public List<string> DeclaredArgs { get; }

    /// <summary>History since the base image.</summary>
    public List<HistoryDraft> History { get; }

    /// <summary>True when CMD was given in this stage, so that ENTRYPOINT does not clear it.</summary>
    public bool HasCommand { get; set; }

    /// <summary>Steps announced so far.</summary>
    public int StepCount { get; set; }

    /// <summary>Adds history of an instruction that makes no layer.</summary>
    public void Record(string createdBy) => History.Add(new HistoryDraft(createdBy, null));
}

/// <summary>What is known of a stage before its first instruction.</summary>
/// <param name="Name">As progress shows it; "" in a Dockerfile of one stage.</param>
/// <param name="StepTotal">Steps in all, FROM included when it brings files.</param>
/// <param name="NoCache">No step may use an earlier result.</param>
internal sealed record StageHead(string Name, int StepTotal, bool NoCache);

/// <summary>An entry of history before its step is done.</summary>
/// <param name="CreatedBy">The instruction.</param>
/// <param name="Vertex">The step that may make its layer; null for metadata.</param>
internal sealed record HistoryDraft(string CreatedBy, Vertex? Vertex);
