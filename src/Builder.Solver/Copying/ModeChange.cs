// SPDX-License-Identifier: Apache-2.0

namespace Builder.Solver.Copying;

/// <summary>
/// The value of <c>--chmod</c>: an octal mode, or symbolic clauses as chmod(1) takes them (<c>u=rwX,go=rX</c>); the
/// umask plays no part.
/// </summary>
internal sealed class ModeChange
{
    private const int MaxMode = 0xFFF;
    private const int AnyExecute = 0x49;
    private const int SetUser = 0x800;
    private const int SetGroup = 0x400;
    private const int Sticky = 0x200;
    private const int UserBits = SetUser | 0x1C0;
    private const int GroupBits = SetGroup | 0x38;
    private const int OtherBits = 0x7;

    private readonly int? _absolute;
    private readonly List<Action> _actions = [];

    private ModeChange(int? absolute)
    {
        _absolute = absolute;
    }

    /// <summary>True for an octal mode, which leaves nothing of a file's own.</summary>
    public static bool IsAbsolute(string text) => text.Length > 0 && char.IsAsciiDigit(text[0]);

    /// <summary>Parses; null for null.</summary>
    /// <exception cref="SolveException">Neither an octal mode up to 07777 nor symbolic clauses.</exception>
    public static ModeChange? Parse(string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (IsAbsolute(text))
        {
            return new ModeChange(ParseOctal(text) ?? throw Invalid(text));
        }

        var change = new ModeChange(null);
        foreach (string clause in text.Split(','))
        {
            change.ParseClause(clause, text);
        }

        return change;
    }

    /// <summary>The mode that a file or directory of mode <paramref name="mode"/> gets.</summary>
    public int Apply(int mode, bool isDirectory)
    {
        if (_absolute is { } absolute)
        {
            return absolute;
        }

        int result = mode;
        foreach (Action action in _actions)
        {
            int bits = action.Bits;
            if (action.ConditionalExecute && (isDirectory || (mode & AnyExecute) != 0))
            {
                bits |= AnyExecute;
            }

            if (action.CopyShift is { } shift)
            {
                bits |= ((result >> shift) & 7) * 0x49;
            }

            bits &= action.Who;
            result = action.Operator switch
            {
                '+' => result | bits,
                '-' => result & ~bits,
                _ => (result & ~action.Who) | bits,
            };
        }

        return result;
    }

    private static int? ParseOctal(string text)
    {
        int value = 0;
        foreach (char digit in text)
        {
            if (digit is < '0' or > '7' || (value = (value * 8) + (digit - '0')) > MaxMode)
            {
                return null;
            }
        }

        return value;
    }

    private void ParseClause(string clause, string text)
    {
        int position = 0;
        int who = 0;
        while (position < clause.Length && clause[position] is 'u' or 'g' or 'o' or 'a')
        {
            who |= clause[position++] switch
            {
                'u' => UserBits,
                'g' => GroupBits,
                'o' => OtherBits,
                _ => MaxMode,
            };
        }

        // set-id and sticky bits mean nothing for "other" alone
        bool special = (who & ~OtherBits) != 0 || who == 0;
        int scope = who == 0 ? MaxMode : special ? who | Sticky : who;
        if (position == clause.Length)
        {
            throw Invalid(text);
        }

        while (position < clause.Length)
        {
            char operation = clause[position++];
            if (operation is not ('+' or '-' or '='))
            {
                throw Invalid(text);
            }

            var action = new Action { Operator = operation, Who = scope };
            bool sticky = false;
            while (position < clause.Length && clause[position] is not ('+' or '-' or '='))
            {
                char letter = clause[position++];
                sticky |= letter == 't';
                action = Read(action, letter, special) ?? throw Invalid(text);
            }

            // "u=rw" leaves the sticky bit alone: only a, or t itself, reaches it
            _actions.Add(sticky || who is 0 or MaxMode ? action : action with { Who = who });
        }
    }

    private static Action? Read(Action action, char letter, bool special) => letter switch
    {
        'r' => action with { Bits = action.Bits | 0x124 },
        'w' => action with { Bits = action.Bits | 0x92 },
        'x' => action with { Bits = action.Bits | AnyExecute },
        'X' => action with { ConditionalExecute = true },
        's' => action with { Bits = action.Bits | (special ? SetUser | SetGroup : 0) },
        't' => action with { Bits = action.Bits | (special ? Sticky : 0) },
        'u' => action with { CopyShift = 6 },
        'g' => action with { CopyShift = 3 },
        'o' => action with { CopyShift = 0 },
        _ => null,
    };

    private static SolveException Invalid(string text) =>
        new($"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777")
        {
            Subject = text,
            Hint = "write an octal mode (--chmod=755) or symbolic clauses (--chmod=u=rwX,go=rX)",
        };

    private sealed record Action
    {
        public required char Operator { get; init; }

        public required int Who { get; init; }

        public int Bits { get; init; }

        public bool ConditionalExecute { get; init; }

        public int? CopyShift { get; init; }
    }
}
