// SPDX-License-Identifier: Apache-2.0

using Builder.Frontend;

namespace Builder.Executor.Running;

/// <summary>Why a container could not do what was asked.</summary>
public enum RunFailure
{
    /// <summary>The container could not be made or started.</summary>
    NotStarted,

    /// <summary>The command was found and cannot be executed.</summary>
    NotExecutable,

    /// <summary>The command was not found.</summary>
    CommandNotFound,

    /// <summary>No container has that name or id.</summary>
    NoSuchContainer,

    /// <summary>The container is not in the state that the request needs.</summary>
    WrongState,

    /// <summary>The name is taken.</summary>
    NameInUse,

    /// <summary>A value of the request is malformed.</summary>
    Malformed,
}

/// <summary>A container could not be made, started, found or changed.</summary>
public sealed class RunException : BuildException
{
    /// <summary>Creates the failure.</summary>
    public RunException(RunFailure failure, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Failure = failure;
    }

    /// <summary>The kind of failure.</summary>
    public RunFailure Failure { get; }
}
