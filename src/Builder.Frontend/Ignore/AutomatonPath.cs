// SPDX-License-Identifier: Apache-2.0

namespace Builder.Frontend.Ignore;

/// <summary>
/// Any pattern at all, by following every way through it at once: time is path times pattern, whatever they are.
/// For what does not keep to segments: <c>a**b</c>, and classes such as <c>[^x]</c> that match '/' too.
/// </summary>
internal sealed class AutomatonPath : PathMatcher
{
    /// <summary>State i waits for token i; a state of its own stands for being inside a <c>**</c>.</summary>
    private readonly State[] _states;

    public AutomatonPath(ReadOnlySpan<GlobToken> tokens)
    {
        var states = new List<State>(tokens.Length + 1);
        foreach (GlobToken token in tokens)
        {
            if (token.Kind == GlobTokenKind.Directories)
            {
                states.Add(new State(StateKind.BeforeDirectories, token));
                states.Add(new State(StateKind.InDirectories, token));
            }
            else
            {
                StateKind kind = token.Kind switch
                {
                    GlobTokenKind.AnyRun => StateKind.InName,
                    GlobTokenKind.Rest => StateKind.InRest,
                    _ => StateKind.One,
                };
                states.Add(new State(kind, token));
            }
        }

        _states = [.. states];
    }

    private enum StateKind
    {
        One,
        InName,
        InRest,
        BeforeDirectories,
        InDirectories,
    }

    public override bool IsMatch(ReadOnlySpan<char> path)
    {
        bool[] open = Start();
        return Advance(ref open, path) && open[^1];
    }

    public override bool MayMatchBelow(ReadOnlySpan<char> directory)
    {
        bool[] open = Start();
        return Advance(ref open, directory) && Advance(ref open, "/") && open.AsSpan()[..^1].Contains(true);
    }

    private bool[] Start()
    {
        var open = new bool[_states.Length + 1];
        Open(open, 0);
        return open;
    }

    private bool Advance(ref bool[] open, ReadOnlySpan<char> text)
    {
        var next = new bool[open.Length];
        int length;
        for (int position = 0; position < text.Length; position += length)
        {
            int code = GlobReader.CodePointAt(text, position, out length);
            bool isAlive = false;
            for (int i = 0; i < _states.Length; i++)
            {
                if (open[i])
                {
                    isAlive |= Step(next, i, code);
                }
            }

            (open, next) = (next, open);
            if (!isAlive)
            {
                return false;
            }

            next.AsSpan().Clear();
        }

        return true;
    }

    private bool Step(bool[] next, int state, int code)
    {
        switch (_states[state].Kind)
        {
            case StateKind.One when _states[state].Token.Takes(code):
            case StateKind.InDirectories when code == '/':
                Open(next, state + 1);
                if (_states[state].Kind == StateKind.InDirectories)
                {
                    next[state] = true;
                }

                return true;
            case StateKind.InDirectories:
                next[state] = true;
                return true;
            case StateKind.InName when code != '/':
            case StateKind.InRest:
                Open(next, state);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Opens a state and those that are reached from it without a character.</summary>
    private void Open(bool[] open, int state)
    {
        while (!open[state])
        {
            open[state] = true;
            if (state == _states.Length)
            {
                return;
            }

            switch (_states[state].Kind)
            {
                case StateKind.BeforeDirectories:
                    open[state + 1] = true;
                    state += 2;
                    break;
                case StateKind.InName or StateKind.InRest:
                    state++;
                    break;
                default:
                    return;
            }
        }
    }

    private readonly record struct State(StateKind Kind, GlobToken Token);
}
