// SPDX-License-Identifier: Apache-2.0

using System.Buffers;

namespace Builder.Frontend.Ignore;

/// <summary>
/// Any pattern at all, by following every way through it at once: time is path times pattern, whatever they are.
/// For what does not keep to segments: <c>a**b</c>, and classes such as <c>[^x]</c> that match '/' too.
/// </summary>
internal sealed class AutomatonPath : PathMatcher
{
    /// <summary>State i waits for token i; a state of its own stands for being inside a <c>**</c>.</summary>
    private readonly State[] _states;
    private readonly string _prefix;

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
        _prefix = NamePattern.LiteralPrefix(tokens);
    }

    private enum StateKind
    {
        Matched,
        One,
        InName,
        InRest,
        BeforeDirectories,
        InDirectories,
    }

    public override bool IsMatch(ReadOnlySpan<char> path)
    {
        if (!path.StartsWith(_prefix))
        {
            return false;
        }

        var open = new OpenStates(_states.Length + 1);
        var next = new OpenStates(_states.Length + 1);
        Open(open, 0);
        bool isMatch = Advance(ref open, ref next, path) && open.Contains(_states.Length);
        open.Return();
        next.Return();
        return isMatch;
    }

    public override bool MayMatchBelow(ReadOnlySpan<char> directory)
    {
        var open = new OpenStates(_states.Length + 1);
        var next = new OpenStates(_states.Length + 1);
        Open(open, 0);
        bool mayMatch = Advance(ref open, ref next, directory) && Advance(ref open, ref next, "/")
            && open.HasOtherThan(_states.Length);
        open.Return();
        next.Return();
        return mayMatch;
    }

    private bool Advance(ref OpenStates open, ref OpenStates next, ReadOnlySpan<char> text)
    {
        int length;
        for (int position = 0; position < text.Length; position += length)
        {
            int code = GlobReader.CodePointAt(text, position, out length);
            foreach (int state in open.All)
            {
                Step(next, state, code);
            }

            (open, next) = (next, open);
            next.Clear();
            if (open.All.IsEmpty)
            {
                return false;
            }
        }

        return true;
    }

    private void Step(OpenStates next, int state, int code)
    {
        switch (state == _states.Length ? StateKind.Matched : _states[state].Kind)
        {
            case StateKind.One when _states[state].Token.Takes(code):
                Open(next, state + 1);
                break;
            case StateKind.InName when code != '/':
            case StateKind.InRest:
                Open(next, state);
                break;
            case StateKind.InDirectories:
                next.Add(state);
                if (code == '/')
                {
                    Open(next, state + 1);
                }

                break;
        }
    }

    /// <summary>Opens a state and those that are reached from it without a character.</summary>
    private void Open(OpenStates open, int state)
    {
        while (open.Add(state) && state < _states.Length)
        {
            switch (_states[state].Kind)
            {
                case StateKind.BeforeDirectories:
                    open.Add(state + 1);
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

    /// <summary>A set of states that lists them in the order of their arrival; its memory is borrowed.</summary>
    private sealed class OpenStates
    {
        private readonly bool[] _contains;
        private readonly int[] _all;
        private int _count;

        public OpenStates(int count)
        {
            _contains = ArrayPool<bool>.Shared.Rent(count);
            _contains.AsSpan().Clear();
            _all = ArrayPool<int>.Shared.Rent(count);
        }

        public ReadOnlySpan<int> All => _all.AsSpan(0, _count);

        public bool Contains(int state) => _contains[state];

        public bool HasOtherThan(int state) => _count > (_contains[state] ? 1 : 0);

        public bool Add(int state)
        {
            if (_contains[state])
            {
                return false;
            }

            _contains[state] = true;
            _all[_count++] = state;
            return true;
        }

        public void Return()
        {
            ArrayPool<bool>.Shared.Return(_contains);
            ArrayPool<int>.Shared.Return(_all);
        }

        public void Clear()
        {
            foreach (int state in All)
            {
                _contains[state] = false;
            }

            _count = 0;
        }
    }
}
