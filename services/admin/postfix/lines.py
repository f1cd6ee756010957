"""The logical lines of main.cf and master.cf, and the errors that name them."""

from collections.abc import Iterator


class ImportTrouble(Exception):
    """A file that cannot be read as Postfix would read it. The message names file and line."""


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield ``(number of the first line, text)``; a line that starts with white space continues the one before, and comments and empty lines
    between them do not end it (postconf(5), "GENERAL FORMAT"). The lines of one are joined by a line feed."""
    number, parts = 0, list[str]()
    for count, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace() and parts:
            parts.append(bare)
            continue
        if parts:
            yield number, "\n".join(parts)
        number, parts = count, [bare]
    if parts:
        yield number, "\n".join(parts)


def split_words(text: str) -> list[str]:
    """Words separated by commas or white space; what is in braces is one word (Postfix ``mystrtokq``). Raises ``ValueError`` when a brace is open."""
    words, current, depth = list[str](), "", 0
    for character in text:
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        if depth == 0 and (character == "," or character.isspace()):
            words.append(current)
            current = ""
        else:
            current += character
    if depth:
        raise ValueError("a brace is not closed" if depth > 0 else "a brace closes nothing")
    return [word for word in [*words, current] if word]


def unbrace(text: str) -> str:
    """``{ text }`` without its braces and the white space inside them; anything else as it is."""
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text
