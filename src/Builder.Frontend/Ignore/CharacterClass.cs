// SPDX-License-Identifier: Apache-2.0

using System.Text;

namespace Builder.Frontend.Ignore;

/// <summary>A bracket expression: <c>[abc]</c>, <c>[a-z]</c>, <c>[^0-9]</c>. Works on code points.</summary>
internal sealed class CharacterClass
{
    private readonly bool _isNegated;
    private readonly (int Low, int High)[] _ranges;

    public CharacterClass(bool isNegated, (int Low, int High)[] ranges)
    {
        _isNegated = isNegated;
        _ranges = ranges;
    }

    public bool Contains(int codePoint)
    {
        foreach ((int low, int high) in _ranges)
        {
            if (low <= codePoint && codePoint <= high)
            {
                return !_isNegated;
            }
        }

        return _isNegated;
    }

    /// <summary>
    /// Writes the class as DotNet.Glob reads it; false when that library means something else by it: it knows one
    /// range of letters or digits, or a list, and no escapes.
    /// </summary>
    public bool TryWriteGlob(StringBuilder glob)
    {
        if (_isNegated)
        {
            return false;
        }

        if (_ranges is [(int low, int high)] && low != high)
        {
            bool isPlain = (IsLower(low) && IsLower(high)) || (IsUpper(low) && IsUpper(high))
                || (IsDigit(low) && IsDigit(high));
            if (isPlain && low < high)
            {
                glob.Append('[').Append((char)low).Append('-').Append((char)high).Append(']');
                return true;
            }

            return false;
        }

        if (!Array.TrueForAll(_ranges, range => range.Low == range.High && IsLetterOrDigit(range.Low)))
        {
            return false;
        }

        glob.Append('[');
        foreach ((int single, _) in _ranges)
        {
            glob.Append((char)single);
        }

        glob.Append(']');
        return true;
    }

    private static bool IsLetterOrDigit(int code) => IsLower(code) || IsUpper(code) || IsDigit(code);

    private static bool IsLower(int code) => code is >= 'a' and <= 'z';

    private static bool IsUpper(int code) => code is >= 'A' and <= 'Z';

    private static bool IsDigit(int code) => code is >= '0' and <= '9';
}
