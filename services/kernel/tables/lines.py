"""The logical lines that all of Postfix's text tables are made of."""

from collections.abc import Iterator


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield ``(number of the first line, text)``: a line that starts with white space continues the one before; empty lines and
    comments are skipped and do not end it (postconf(5), "GENERAL FORMAT")."""
    number, parts = 0, list[str]()
    for count, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace() and parts:
            parts.append(bare)
            continue
        if parts:
            yield number, " ".join(parts)
        number, parts = count, [bare]
    if parts:
        yield number, " ".join(parts)
