"""Tables of TLS policies: Postfix ``smtp_tls_policy_maps``, read as they are.

An entry is a level and attributes: ``example.com  secure  match=.example.com  protocols=>=TLSv1.3``. What cannot be read is temporary trouble that
names file and line: mail waits rather than leaves by a policy that nobody meant.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.kernel.mail.domain import is_domain
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import cipher_list, normal_fingerprint, parse_protocols
from services.kernel.tables.lookup import Found, LookupTrouble, Table
from services.kernel.wire.delivery import Server

_ANY = frozenset({"protocols", "ciphers", "exclude", "servername", "connection_reuse"})
_CA = _ANY | {"match", "tafile"}
_ATTRIBUTES = {
    TlsLevel.NONE: _CA,
    TlsLevel.MAY: _ANY,
    TlsLevel.ENCRYPT: _ANY,
    TlsLevel.DANE: _ANY,
    TlsLevel.DANE_ONLY: _ANY,
    TlsLevel.FINGERPRINT: _ANY | {"match"},
    TlsLevel.VERIFY: _CA,
    TlsLevel.SECURE: _CA,
}
"""What can be said at each level (smtp_tls_policy.c, ``tls_policy_lookup_one``)."""
_WORD = re.compile(r"\{([^}]*)\}|([^\s,]+)")
"""Parted by white space or commas; braces hold a word with white space together (Postfix 3.0)."""


class PolicyTrouble(LookupTrouble):
    """An entry cannot be read, or asks for what its level does not have. The message names file and line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is written; what it does not say is ``None``. ``place`` is file and line."""

    level: TlsLevel
    place: str
    match: tuple[str, ...] = ()
    versions: tuple[str, ...] | None = None
    grade: str = ""
    exclude: tuple[str, ...] | None = None
    servername: str | None = None
    tafiles: tuple[str, ...] = ()
    connection_reuse: bool = True


def keys(server: Server) -> Iterator[str]:
    """What a policy is looked up by: the next hop as written; for a plain domain its parents too, with a leading dot (TLS_README)."""
    written = str(server).lower()
    yield written
    if server.is_literal or server.port or not is_domain(written):
        return
    _, dot, parent = written.partition(".")
    while dot:
        yield f".{parent}"
        _, dot, parent = parent.partition(".")


async def find(tables: Sequence[Table], server: Server) -> Entry | None:
    """The first entry for a next hop. Raises ``LookupTrouble``."""
    for key in keys(server):
        for table in tables:
            found = await table.lookup(key)
            if found is not None:
                return parse(found)
    return None


def parse(found: Found) -> Entry:
    """Read one entry. Raises ``PolicyTrouble``."""
    place = f"{found.file}:{found.line}" if found.line else found.file
    first, *words = [bare or braced.strip() for braced, bare in _WORD.findall(found.value)]
    try:
        level = TlsLevel(first.lower())
    except ValueError:
        raise PolicyTrouble(f"{place}: {first!r} is no TLS security level") from None
    try:
        return _collect(level, place, words)
    except ValueError as error:
        raise PolicyTrouble(f"{place}: {error}") from None


def _collect(level: TlsLevel, place: str, words: Sequence[str]) -> Entry:
    """Raises ``ValueError``."""
    said: dict[str, list[str]] = {}
    for word in words if level is not TlsLevel.NONE else ():  # Postfix warns there, and goes on
        name, equals, value = (part.strip() for part in word.partition("="))
        name = name.lower()
        if not equals or not value:
            raise ValueError(f"{word!r} is no attribute with a value")
        if name not in _CA:
            raise ValueError(f"there is no attribute {name!r}")
        if name not in _ATTRIBUTES[level]:
            raise ValueError(f"{name!r} means nothing at the level {level}")
        if name in said and name not in ("match", "tafile"):
            raise ValueError(f"{name!r} is there twice")
        said.setdefault(name, []).append(value)
    last = {name: values[0] for name, values in said.items()}
    return Entry(
        level,
        place,
        _matches(level, said.get("match", [])),
        parse_protocols(last["protocols"]) if "protocols" in last else None,
        _grade(last.get("ciphers", "")),
        tuple(last["exclude"].split(":")) if "exclude" in last else None,
        last.get("servername"),
        tuple(said.get("tafile", ())),
        _yes(last.get("connection_reuse", "yes")),
    )


def _matches(level: TlsLevel, values: Sequence[str]) -> tuple[str, ...]:
    """Fingerprints parted by ``|``, names by ``:`` (TLS_README, "Client TLS policy table")."""
    if level is TlsLevel.FINGERPRINT:
        return tuple(normal_fingerprint(one) for value in values for one in value.split("|"))
    return tuple(name for value in values for name in value.split(":") if name)


def _grade(text: str) -> str:
    if text:
        cipher_list(text, ())
    return text


def _yes(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError(f"connection_reuse is yes or no, not {text!r}")
    return text.lower() == "yes"
