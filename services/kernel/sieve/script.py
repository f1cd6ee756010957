"""Compiling: from the bytes of a script to a ``Script`` that can be run any number of times, by any thread."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.kernel.sieve.capabilities import CAPABILITIES
from services.kernel.sieve.checking import Checker
from services.kernel.sieve.flaws import Flaw, SieveErrors
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.syntax import parse
from services.kernel.sieve.vocabulary import WORDS
from services.kernel.sieve.words import Command, Include, Word

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Script:
    """A script without errors. ``required`` are the capabilities it asks for; ``capabilities`` those it was compiled with."""

    required: frozenset[str]
    capabilities: frozenset[str]
    commands: tuple[Command, ...]
    includes: tuple[Include, ...] = ()


def compile_script(source: bytes, capabilities: frozenset[str] = CAPABILITIES, limits: Limits = DEFAULT, words: Mapping[str, Word] = WORDS) -> Script:
    """Compile, or raise ``SieveErrors`` with every error that was found. ``capabilities`` are those the site offers."""
    if len(source) > limits.script_bytes:
        raise SieveErrors((Flaw(1, 1, f"the script is larger than {limits.script_bytes} octets"),))
    calls, flaws = parse(source.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK), limits)
    checker = Checker(words, capabilities, limits)
    commands = checker.script(calls) if not flaws else ()
    flaws += checker.flaws
    if flaws:
        raise SieveErrors(tuple(sorted(flaws, key=lambda flaw: (flaw.line, flaw.column))[: limits.errors]))
    return Script(frozenset(checker.required), capabilities, commands, tuple(checker.includes))
