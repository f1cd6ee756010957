"""Text in braces, as table names may hold it: ``inline:{ {key = value}, ... }`` (Postfix balpar(3), mystrtokq(3), extpar(3)).

No fault cites the text: it may be a password.
"""

import re

SEPARATORS = ", \t\r\n"
_WHITE = " \t\n\v\f\r"
_ASSIGNMENT = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"|[^"=\s])*)\s*=(.*)', re.ASCII | re.DOTALL)


def unbrace(text: str) -> str:
    """What stands between the outer braces, without the white space at its ends. Raises ``ValueError``."""
    end = _balanced_end(text)
    if end is None:
        raise ValueError("missing '}'" if text.startswith("{") else "no '{' at the start")
    if end != len(text):
        raise ValueError("text after the closing '}'")
    return text[1:-1].strip(_WHITE)


def split_items(text: str) -> list[str]:
    """Split at commas and white space outside of braces."""
    items, start, depth = list[str](), 0, 0
    for place, character in enumerate(text):
        if character == "{":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif depth == 0 and character in SEPARATORS:
            items.append(text[start:place])
            start = place + 1
    return [item for item in (*items, text[start:]) if item]


def split_assignment(text: str) -> tuple[str, str]:
    """Cut ``name = value``; a name has white space only between double quotes. Raises ``ValueError`` (Postfix split_qnameval(3))."""
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise ValueError("missing '=' after the name")
    return match[1], match[2].strip(_WHITE)


def shown(name: str) -> str:
    """A table's name for the operator, without what stands in braces or is the one value of ``static``: it may be a password."""
    kind, colon, _ = name.partition("static:")
    if colon and kind in ("", "proxy:"):
        return f"{kind}static:..."
    head, brace, _ = name.partition("{")
    return f"{head}{{...}}" if brace else name


def _balanced_end(text: str) -> int | None:
    """The length of the text in braces with which ``text`` begins."""
    if not text.startswith("{"):
        return None
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return place + 1
    return None
