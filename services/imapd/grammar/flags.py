"""Flags that a client may set."""

from services.imapd.grammar.responses import SYSTEM_FLAGS
from services.imapd.grammar.scanner import BadSyntax, Scanner

MAX_FLAGS = 100
"""Flags of one command; a folder has room for five and 26 keywords."""
MAX_KEYWORD_BYTES = 50
"""Dovecot's ``mail_max_keyword_length``."""

_BY_LOWER_CASE = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def flags(scanner: Scanner) -> frozenset[str]:
    """Read a list of flags, or flags without the parentheses (``store-att-flags``)."""
    if scanner.peek(b"("):
        return flag_list(scanner)
    found = [_flag(scanner)]
    while scanner.skip(b" ") and not scanner.is_done:
        found.append(_flag(scanner))
    return _limited(found)


def flag_list(scanner: Scanner) -> frozenset[str]:
    """Read a list of flags."""
    scanner.expect(b"(")
    found: list[str] = []
    while not scanner.skip(b")"):
        if found:
            scanner.expect(b" ")
        found.append(_flag(scanner))
    return _limited(found)


def _limited(found: list[str]) -> frozenset[str]:
    if len(found) > MAX_FLAGS:
        raise BadSyntax("Too many flags")
    return frozenset(found)


def _flag(scanner: Scanner) -> str:
    """Read a flag that a client may set: ``\\Recent`` is not its to give (RFC 3501 section 2.3.2), nor are unknown system flags."""
    flag = scanner.flag().decode("ascii")
    if flag.startswith("\\"):
        if flag.lower() not in _BY_LOWER_CASE:
            raise BadSyntax("Unknown system flag")
        return _BY_LOWER_CASE[flag.lower()]
    if len(flag) > MAX_KEYWORD_BYTES:
        raise BadSyntax("Keyword is too long")
    return flag
