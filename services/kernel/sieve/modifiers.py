"""What ``set`` does to a value before it is stored (RFC 5229 section 4.1, RFC 5435 section 6, the regex draft)."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote as url_quote

from services.kernel.sieve import regex, wildcards
from services.kernel.sieve.comparing import fold_ascii
from services.kernel.sieve.scope import clip
from services.kernel.sieve.words import Bound, Option

if TYPE_CHECKING:
    from services.kernel.sieve.machine import Machine

Modify = Callable[["Machine", str], str]


def _upper(text: str) -> str:
    return "".join(character.upper() if character.isascii() else character for character in text)


def _length(text: str) -> str:
    return str(len(text))


def _encoded(text: str) -> str:
    return url_quote(text, safe="-._~", errors="surrogateescape")


_KINDS: dict[str, tuple[int, Callable[[str], str]]] = {
    "lower": (40, fold_ascii),
    "upper": (40, _upper),
    "lowerfirst": (30, lambda text: fold_ascii(text[:1]) + text[1:]),
    "upperfirst": (30, lambda text: _upper(text[:1]) + text[1:]),
    "quotewildcard": (20, wildcards.quote),
    "quoteregex": (20, regex.quote),
    "encodeurl": (15, _encoded),
    "length": (10, _length),
}
"""Precedence and work of each; the highest precedence goes first, and of one precedence only one may be given."""
_LENGTHENING = ("quotewildcard", "quoteregex", "encodeurl")
_CAPABILITIES = {"quoteregex": "regex", "encodeurl": "enotify"}

MODIFIER_OPTIONS = tuple(Option(name, None, f"modifier {rank}", _CAPABILITIES.get(name, "")) for name, (rank, _) in _KINDS.items())


def read_modifiers(bound: Bound) -> Modify:
    """Join the modifiers of a call. What one makes longer is cut at whole units: no half escape, no half percent code."""
    chosen = sorted((name for name in _KINDS if bound.has(name)), key=lambda name: -_KINDS[name][0])

    def modify(machine: "Machine", text: str) -> str:
        most = machine.limits.variable_bytes
        text = clip(text, most)
        for name in chosen:
            machine.spend(1 + (len(text) >> (1 if name in _LENGTHENING else 3)))
            text = _lengthened(_KINDS[name][1], text, most) if name in _LENGTHENING else _KINDS[name][1](text)
        return text

    return modify


def _lengthened(work: Callable[[str], str], text: str, most_bytes: int) -> str:
    changed = work(text)
    if _octets(changed) <= most_bytes:
        return changed
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _octets(work(text[:middle])) <= most_bytes else (low, middle - 1)
    return work(text[:low])


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
