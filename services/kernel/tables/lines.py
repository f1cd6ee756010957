"""The logical lines that all of Postfix's text tables are made of (postmap(1), "INPUT FILE FORMAT")."""

from collections.abc import Iterator

_GOES_ON = b" \t\r\v\f\n#"
"""How a physical line begins that does not begin a logical one: white space, a comment, or nothing."""


def logical_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ``(number of the first line, text)``.

    A line that starts with white space continues the one before, and all its white space is kept; empty lines and comments are
    skipped and do not end it. Text that starts with white space continues nothing: the caller has to refuse it.
    """
    number, parts = 0, list[bytes]()
    for count, line in enumerate(data.split(b"\n"), 1):
        bare = line.lstrip()
        if not bare or bare.startswith(b"#"):
            continue
        if parts and line[:1].isspace():
            parts.append(line)
            continue
        if parts:
            yield number, b"".join(parts)
        number, parts = count, [line]
    if parts:
        yield number, b"".join(parts)


def line_at(data: bytes, place: int) -> bytes:
    """The logical line that begins at ``place``."""
    parts = list[bytes]()
    while True:
        end = data.find(b"\n", place)
        line = data[place:] if end < 0 else data[place:end]
        bare = line.lstrip()
        if bare and not bare.startswith(b"#"):
            parts.append(line)
        place = end + 1
        if end < 0 or place == len(data) or data[place] not in _GOES_ON:
            return parts[0] if len(parts) == 1 else b"".join(parts)


def next_begins_line(data: bytes, end: int) -> bool:
    """Is the physical line that ends at ``end`` the last of its logical line?"""
    return end + 1 >= len(data) or data[end + 1] not in _GOES_ON
