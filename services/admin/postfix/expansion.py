"""``$name`` in values: what main.cf means by it (postconf(5), "GENERAL FORMAT"; Postfix ``mac_expand``)."""

import re
from collections.abc import Callable

Lookup = Callable[[str], str]
"""The value of a parameter, not yet expanded; empty for one that there is not."""

DEPTH_LIMIT = 100
"""Parameters within parameters; beyond it they refer to each other in a circle (Postfix ``MAC_EXP_MAX_LEVEL``)."""

_COMPARE: dict[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
}
_LEVEL = "level"
"""``<=level`` and the like compare compatibility levels (Postfix 3.6)."""
_NAME = re.compile(r"\$\$|\$[({]?\s*(\w+)", re.ASCII)
_CLOSERS = {"{": "}", "(": ")"}


def expand(text: str, lookup: Lookup, depth: int = 0) -> str:
    """Replace ``$name``, ``${name}``, ``$(name)``, ``${name?text}``, ``${name:text}``, ``${name?{text}:{text}}`` and
    ``${{text} == {text} ? {text} : {text}}``; ``$$`` is a dollar sign. Raises ``ValueError`` for what Postfix would refuse."""
    if depth > DEPTH_LIMIT:
        raise ValueError("parameters refer to each other in a circle")
    parts, position = list[str](), 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0 or dollar + 1 == len(text):
            return "".join([*parts, text[position:]])
        parts.append(text[position:dollar])
        value, position = _reference(text, dollar + 1, lookup, depth)
        parts.append(value)


def references(text: str) -> set[str]:
    """The names that a value refers to, in both branches of a condition."""
    return {match[1] for match in _NAME.finditer(text) if match[1]}


def _reference(text: str, start: int, lookup: Lookup, depth: int) -> tuple[str, int]:
    opener = text[start]
    if opener == "$":
        return "$", start + 1
    if opener in _CLOSERS:
        end = _closing(text, start)
        return _braced(text[start + 1 : end - 1], lookup, depth), end
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    if end == start:
        raise ValueError(f"a name is expected after $, not {opener!r}")
    return expand(lookup(text[start:end]), lookup, depth + 1), end


def _closing(text: str, start: int) -> int:
    """The position after the bracket that closes the one at ``start``."""
    opener, closer, depth = text[start], _CLOSERS[text[start]], 0
    for position in range(start, len(text)):
        if text[position] == opener:
            depth += 1
        elif text[position] == closer:
            depth -= 1
            if depth == 0:
                return position + 1
    raise ValueError(f"{opener!r} is not closed")


def _braced(inner: str, lookup: Lookup, depth: int) -> str:
    inner = inner.lstrip()
    if inner.startswith("{"):
        return _comparison(inner, lookup, depth)
    end = 0
    while end < len(inner) and (inner[end].isalnum() or inner[end] == "_"):
        end += 1
    name, rest = inner[:end], inner[end:].lstrip()
    if not name:
        raise ValueError(f"a name is expected in ${{{inner}}}")
    if not rest:
        return expand(lookup(name), lookup, depth + 1)
    is_set = bool(lookup(name))
    if rest[0] == ":":
        return "" if is_set else expand(_payload(rest[1:])[0], lookup, depth + 1)
    if rest[0] != "?":
        raise ValueError(f"bad expression ${{{inner}}}")
    return _choose(is_set, rest[1:], lookup, depth)


def _comparison(inner: str, lookup: Lookup, depth: int) -> str:
    left, rest = _payload(inner)
    sign = next((sign for sign in _COMPARE if rest.startswith(sign)), "")
    if not sign:
        raise ValueError(f"a comparison is expected in ${{{inner}}}")
    rest = rest[len(sign) :].lstrip()
    is_level = rest.startswith(_LEVEL)
    right, rest = _payload(rest.removeprefix(_LEVEL))
    if not rest.startswith("?") and not rest.startswith(":"):
        raise ValueError(f"'?' is expected in ${{{inner}}}")
    order = (_level_order if is_level else _order)(expand(left, lookup, depth + 1), expand(right, lookup, depth + 1))
    holds = _COMPARE[sign](order)
    if rest.startswith(":"):
        return "" if holds else expand(_payload(rest[1:])[0], lookup, depth + 1)
    return _choose(holds, rest[1:], lookup, depth)


def _choose(is_true: bool, text: str, lookup: Lookup, depth: int) -> str:
    """``{text}:{text}``, ``{text}``, or a bare text, which goes to the end and has no other."""
    first, rest = _payload(text)
    if is_true:
        return expand(first, lookup, depth + 1)
    return expand(_payload(rest[1:])[0], lookup, depth + 1) if rest.startswith(":") else ""


def _payload(text: str) -> tuple[str, str]:
    """What is in the braces that ``text`` begins with, and what follows them; without braces all of it."""
    text = text.lstrip()
    if not text.startswith("{"):
        return text, ""
    end = _closing(text, 0)
    return text[1 : end - 1].strip(), text[end:].lstrip()


def _order(left: str, right: str) -> int:
    """Numbers are compared as numbers, anything else as text."""
    if left.isdecimal() and right.isdecimal():
        return (int(left) > int(right)) - (int(left) < int(right))
    return (left > right) - (left < right)


def _level_order(left: str, right: str) -> int:
    """``3.10`` is above ``3.9``. Raises ``ValueError`` for what is no level."""
    levels = [[int(part) for part in f"{text}.0.0".split(".")[:3]] for text in (left.strip(), right.strip())]
    return (levels[0] > levels[1]) - (levels[0] < levels[1])
