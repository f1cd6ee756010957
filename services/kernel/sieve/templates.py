"""Strings with something in them: encoded characters (RFC 5228 section 2.4.2.4) and variables (RFC 5229 section 3)."""

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from services.kernel.sieve.machine import Machine

MAX_MATCH = 32
"""The highest match variable; RFC 5229 section 3.2 asks for ``${9}`` at least."""
MAX_NAME = 64
"""Characters of a variable's name (RFC 5229 section 6 asks for 32)."""
MAX_CHARACTERS = 1 << 20
"""Of an expanded string; what is beyond is cut (Pigeonhole's ``SIEVE_MAX_STRING_LEN``)."""

_ENCODED = re.compile(r"\$\{(hex|unicode):[ \t\r\n]*([0-9a-f]+(?:[ \t\r\n]+[0-9a-f]+)*)[ \t\r\n]*\}", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{((?:[A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*|[0-9]+)\}")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Reference(NamedTuple):
    """A variable in a string; ``namespace`` is empty for a plain one, ``name`` in lower case or a number."""

    namespace: str
    name: str


class BadReference(ValueError):
    """A variable or a character that cannot be."""


@dataclass(frozen=True, slots=True)
class Template:
    """A string of the script; ``source`` as written."""

    source: str
    parts: tuple[str | Reference, ...]

    @property
    def constant(self) -> str | None:
        """The value, where no variable is in it."""
        if not self.parts:
            return ""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], str) else None

    def expand(self, machine: "Machine") -> str:
        """Return the value now."""
        constant = self.constant
        if constant is not None:
            machine.spend(len(constant) >> 8)
            return constant
        text = "".join(part if isinstance(part, str) else machine.variables.value(part) for part in self.parts)
        machine.spend_text(text)
        return mend(text)[:MAX_CHARACTERS]


def constant(text: str) -> Template:
    """A string that is what it says."""
    return Template(text, (text,) if text else ())


def compile_text(source: str, required: Set[str]) -> Template:
    """Read what the required capabilities give a meaning. Raises ``BadReference``."""
    if "${" not in source:
        return constant(source)
    text = decode_characters(source) if "encoded-character" in required else source
    return Template(source, _parts(text, required) if "variables" in required else (text,))


def _parts(text: str, required: Set[str]) -> tuple[str | Reference, ...]:
    parts: list[str | Reference] = []
    at = 0
    for match in _REFERENCE.finditer(text):
        if match.start() > at:
            parts.append(text[at : match.start()])
        parts.append(_reference(match[1], required))
        at = match.end()
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def _reference(name: str, required: Set[str]) -> Reference:
    if name.isdigit():
        if len(name.lstrip("0")) > 3 or int(name) > MAX_MATCH:
            raise BadReference(f"match variable ${{{name}}} is beyond ${{{MAX_MATCH}}}")
        return Reference("", str(int(name)))
    return reference(name, required)


def reference(name: str, required: Set[str]) -> Reference:
    """Split a variable's name that is well formed (RFC 5229 section 3). Raises ``BadReference`` for an unknown namespace or one too long."""
    namespace, _, short = name.lower().rpartition(".")
    if len(name) > MAX_NAME:
        raise BadReference(f"the name of the variable '{name}' is too long")
    if namespace and not (namespace == "global" and "include" in required):
        raise BadReference(f"variable '{name}' is of the unknown namespace '{namespace}'")
    return Reference(namespace, short)


def decode_characters(text: str) -> str:
    """Resolve ``${hex:...}`` and ``${unicode:...}``; what is no such thing stays. Raises ``BadReference`` for no character of Unicode."""
    return mend(_ENCODED.sub(_decoded, text))


def _decoded(match: "re.Match[str]") -> str:
    digits = match[2].split()
    if match[1].lower() == "unicode":
        return "".join(_character(word) for word in digits)
    if any(len(word) > 2 for word in digits):
        return match[0]
    return bytes(int(word, 16) for word in digits).decode("utf-8", "surrogateescape")


def _character(word: str) -> str:
    number = int(word.lstrip("0")[:8] or "0", 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise BadReference(f"{word} is not the number of a Unicode character")
    return chr(number)


def mend(text: str) -> str:
    """Join octets that came in pieces to the characters they make."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
