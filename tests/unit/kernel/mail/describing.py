"""What IMAP tells of a message taken apart into facts with names, so that equal ones are equal however a server writes them."""

import re
from collections.abc import Iterator, Sequence

Value = bytes | int | None | list["Value"]
"""A string however it was written, a number, NIL, or a list."""

_TOKEN = re.compile(rb'[ ]*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([^][()" {}]+))')
_ITEM = re.compile(rb"[ (]*([A-Z0-9.]+(?:\[[^]]*\])?) ", re.IGNORECASE)
_PATH = re.compile(r"(?:\d+(?:\.|(?=\]))|message\.)+")
_ESCAPE = re.compile(rb"\\(.)")
_ENVELOPE = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")
_SINGLE = ("type", "subtype", "parameters", "id", "description", "encoding", "size")
_EXTENSION = ("disposition", "language", "location")


def described(envelope: bytes, bodystructure: bytes) -> dict[str, Value]:
    """Take both apart: the facts by their names, those compared without case in small letters (RFC 3501 section 7.4.2)."""
    return {**_named("ENVELOPE ", _ENVELOPE, parse(envelope)), **dict(_part("BODYSTRUCTURE ", parse(bodystructure)))}


def fetched(answer: bytes) -> dict[str, Value]:
    """Take the list of items in an answer to FETCH apart: those of ENVELOPE and BODYSTRUCTURE as ``described``, others whole under their names."""
    items: dict[str, Value] = {}
    at = 0
    while item := _ITEM.match(answer, at):
        value, at = _value(answer, item.end())
        items[item[1].replace(b'"', b"").decode().upper()] = value
    assert answer[at:] == b")", answer[at : at + 60]
    envelope, structure = items.pop("ENVELOPE"), items.pop("BODYSTRUCTURE")
    return {**_named("ENVELOPE ", _ENVELOPE, envelope), **dict(_part("BODYSTRUCTURE ", structure)), **items}


def agreed(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    """The facts that both tell alike, in parts of whose type both tell the same."""
    return {name: value for name, value in one.items() if name in other and other[name] == value and _same_parts(name, one, other)}


def _same_parts(name: str, one: dict[str, Value], other: dict[str, Value]) -> bool:
    """Whether all parts that a fact is of or inside of are of the same type in both. A section names no message on its path."""
    item, _, path = re.split(r"([ \[]|\Z)", name, maxsplit=1)
    found = _PATH.match(path)
    if item not in ("BODYSTRUCTURE", "BODY") or (item == "BODY" and not found):
        return True
    steps = [step for step in found[0].split(".") if step] if found else []
    parts = [f"BODYSTRUCTURE {''.join(f'{step}.' for step in steps[:count])}" for count in range(len(steps) + 1)]
    if item == "BODY":
        parts += [f"{part}message." for part in parts]
    return all(one.get(part + word) == other.get(part + word) for part in parts for word in ("children", "type", "subtype"))


def parse(text: bytes) -> Value:
    """Read one value."""
    return _value(text, 0)[0]


def _value(text: bytes, at: int) -> tuple[Value, int]:
    """Read the value at an offset; also return the offset behind it."""
    open_lists: list[list[Value]] = [[]]
    while len(open_lists) > 1 or not open_lists[0]:
        token = _TOKEN.match(text, at)
        assert token, text[at : at + 60]
        at = token.end()
        opening, closing, quoted, size, atom = token.groups()
        if opening:
            open_lists.append([])
        elif closing:
            done = open_lists.pop()
            open_lists[-1].append(done)
        elif quoted is not None:
            open_lists[-1].append(_ESCAPE.sub(rb"\1", quoted))
        elif size is not None:
            open_lists[-1].append(text[at : at + int(size)])
            at += int(size)
        else:
            open_lists[-1].append(int(atom) if atom.isdigit() else None if atom.upper() == b"NIL" else atom)
    return open_lists[0][0], at


def _children(structure: list[Value]) -> list[list[Value]]:
    return [part for part in structure if isinstance(part, list)][: next((n for n, part in enumerate(structure) if not isinstance(part, list)), 0)]


def _is_message(structure: list[Value]) -> bool:
    return [_small(word) for word in structure[:2]] == [b"message", b"rfc822"] and len(structure) > 9


def _part(name: str, value: Value) -> Iterator[tuple[str, Value]]:
    if not isinstance(value, list):
        yield name, value
        return
    children = _children(value)
    yield f"{name}children", len(children)
    for number, part in enumerate(children, 1):
        yield from _part(f"{name}{number}.", part)
    if children:
        rest: list[Value] = value[len(children) :]
        yield f"{name}subtype", _small(rest[0])
        yield f"{name}parameters", _parameters(rest[1]) if len(rest) > 1 else None
        yield from _extension(name, rest[2:])
        return
    for word, fact in zip(_SINGLE, value, strict=False):
        yield name + word, _parameters(fact) if word == "parameters" else _small(fact) if word in ("type", "subtype", "encoding") else fact
    rest = value[len(_SINGLE) :]
    if _is_message(value):
        yield from _named(f"{name}envelope ", _ENVELOPE, rest[0]).items()
        yield from _part(f"{name}message.", rest[1])
        rest = rest[2:]
    if rest and isinstance(rest[0], int):
        yield f"{name}lines", rest.pop(0)
    if rest:
        yield f"{name}md5", rest.pop(0)
    yield from _extension(name, rest)


def _extension(name: str, values: list[Value]) -> Iterator[tuple[str, Value]]:
    for word, value in zip(_EXTENSION, values, strict=False):
        if not isinstance(value, list):
            yield name + word, [_small(value)] if word == "language" and value is not None else value
        else:
            yield name + word, [_small(value[0]), _parameters(value[1])] if word == "disposition" else [_small(one) for one in value]


def _named(name: str, words: Sequence[str], value: Value) -> dict[str, Value]:
    assert isinstance(value, list)
    return {name + word: one for word, one in zip(words, value, strict=True)}


def _parameters(value: Value) -> Value:
    if not isinstance(value, list):
        return value
    return [[_small(key), _small(one) if _small(key) == b"charset" else one] for key, one in zip(value[::2], value[1::2], strict=True)]


def _small(value: Value) -> Value:
    return value.lower() if isinstance(value, bytes) else value
