"""The right-hand side of a pattern: text with ``$1``, ``${1}``, ``$(1)`` and ``$$`` (regexp_table(5), "TEXT SUBSTITUTION")."""

from collections.abc import Callable
from dataclasses import dataclass

_CLOSING = {ord("{"): ord("}"), ord("("): ord(")")}
_NAME_CHARACTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_MAX_GROUP = 1 << 16


@dataclass(frozen=True, slots=True)
class Template:
    """Text and numbers of groups, in order."""

    parts: tuple[bytes | int, ...]

    @property
    def highest(self) -> int:
        """The highest group that is named, or 0."""
        return max((part for part in self.parts if isinstance(part, int)), default=0)

    def expand(self, group: Callable[[int], bytes]) -> bytes:
        """Put the groups in."""
        return b"".join(group(part) if isinstance(part, int) else part for part in self.parts)


def parse_template(text: bytes) -> Template:
    """Raises ``ValueError`` for a name that is no number, and for ``$`` without a name."""
    parts: list[bytes | int] = []
    literal, place = bytearray(), 0
    while place < len(text):
        if text[place] != ord("$"):
            literal.append(text[place])
            place += 1
        elif text[place + 1 : place + 2] == b"$":
            literal.append(ord("$"))
            place += 2
        else:
            name, place = _name(text, place + 1)
            parts += [bytes(literal)] if literal else []
            literal.clear()
            parts.append(_number(name))
    parts += [bytes(literal)] if literal else []
    return Template(tuple(parts))


def _name(text: bytes, start: int) -> tuple[bytes, int]:
    """The name that begins at ``start``, behind the dollar, and where it ends; brackets inside brackets are counted."""
    closing = _CLOSING.get(text[start]) if start < len(text) else None
    end = start
    if closing is None:
        while end < len(text) and text[end] in _NAME_CHARACTERS:
            end += 1
        return text[start:end], end
    depth, end = 1, start + 1
    while depth:
        if end == len(text):
            raise ValueError(f"truncated macro reference: {text.decode(errors='replace')!r}")
        depth += (text[end] == text[start]) - (text[end] == closing)
        end += 1
    return text[start + 1 : end - 1], end


def _number(name: bytes) -> int:
    if not name:
        raise ValueError("empty macro name")
    if not name.isdigit():
        raise ValueError(f"non-numeric replacement index {name.decode(errors='replace')!r}")
    if not 0 < int(name[:9]) < _MAX_GROUP:
        raise ValueError(f"out-of-range replacement index {name.decode()}")
    return int(name)
