"""``regexp:`` and ``pcre:``: ``/pattern/flags text`` with ``$1``, ``${1}`` and ``$(1)`` in the text.

Both are matched by Python's own engine. PCRE's syntax is Python's but for a few rare verbs; of POSIX only the classes such as ``[[:alpha:]]``
are written differently. Where alternatives overlap, the first one wins, not POSIX's longest.
"""

import re
import warnings
from collections.abc import Callable

from services.kernel.tables.rules import Test, split_word

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}
_SUBSTITUTION = re.compile(r"\$(?:(\$)|(\d+)|\{(\d+)\}|\((\d+)\))")
_FLAGS = {
    "regexp": {"i": re.IGNORECASE, "m": re.MULTILINE},
    "pcre": {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE},
}
"""Each letter toggles; case is ignored unless ``i`` is given (regexp_table(5), pcre_table(5))."""


def parse_pattern(kind: str, line: str) -> tuple[Test, str]:
    """Read ``[!]/pattern/flags text``. Raises ``ValueError``."""
    is_negated = line.startswith("!")
    line = line[is_negated:].lstrip()
    if not line or line[0].isalnum():
        raise ValueError("a pattern between delimiters is expected")
    pattern, rest = _cut_pattern(line)
    flags, text = ("", rest.strip()) if not rest or rest[0].isspace() else split_word(rest)
    compiled = _compile(kind, pattern, flags)
    if is_negated:
        return lambda key: None if compiled.search(key) else (lambda value: value), text
    highest = max((int(n or a or b or 0) for _, n, a, b in _SUBSTITUTION.findall(text)), default=0)
    if highest > compiled.groups:
        raise ValueError(f"${highest} names no group of the pattern")
    return _matcher(compiled), text


def _matcher(compiled: re.Pattern[str]) -> Test:
    def test(key: str) -> Callable[[str], str] | None:
        match = compiled.search(key)
        return None if match is None else lambda text: _SUBSTITUTION.sub(lambda found: _group(match, found), text)

    return test


def _group(match: re.Match[str], found: re.Match[str]) -> str:
    dollar, *numbers = found.groups()
    return "$" if dollar else match.group(int(next(number for number in numbers if number))) or ""


def _cut_pattern(line: str) -> tuple[str, str]:
    delimiter, position = line[0], 1
    while position < len(line):
        if line[position] == "\\":
            position += 1
        elif line[position] == delimiter:
            return line[1:position], line[position + 1 :]
        position += 1
    raise ValueError(f"the pattern is not closed by {delimiter}")


def _compile(kind: str, pattern: str, flags: str) -> re.Pattern[str]:
    options = re.IGNORECASE
    for letter in flags:
        if letter not in _FLAGS[kind]:
            raise ValueError(f"unknown flag {letter!r}")
        options ^= _FLAGS[kind][letter]
    for name, members in _CLASSES.items():
        pattern = pattern.replace(f"[:{name}:]", members)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # `[[` may mean something else in a Python to come
            return re.compile(pattern, options)
    except re.error as error:
        raise ValueError(f"bad pattern: {error}") from None
