"""``foreverypart``, ``break`` and ``extracttext`` (RFC 5703)."""

from collections.abc import Callable
from itertools import islice

from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Break, Machine
from services.kernel.sieve.message import is_text, leaves
from services.kernel.sieve.modifiers import MODIFIER_OPTIONS, read_modifiers
from services.kernel.sieve.texttests import read_variable
from services.kernel.sieve.words import Bound, Option, Positional, Want, Word

MAX_LOOPS = 4
"""Loops inside each other (Pigeonhole's ``SIEVE_MAX_LOOP_DEPTH``)."""

Run = Callable[[Machine], None]


def _build_foreverypart(bound: Bound) -> Run:
    name = _loop_name(bound)
    if len(bound.loops) >= MAX_LOOPS:
        raise bound.fail(f"loops are nested too deep, the limit is {MAX_LOOPS}")

    def run(machine: Machine) -> None:
        if len(machine.parts) >= MAX_LOOPS:
            raise RunFault(f"loops are nested too deep, the limit is {MAX_LOOPS}")
        depth = len(machine.parts)
        inner = machine.parts[-1] if machine.parts else None
        try:
            for part in islice(leaves(inner or machine.message.root), 1 if inner else 0, None):
                machine.spend(1)
                machine.parts[depth:] = [part]
                with machine.deeper():
                    machine.execute(bound.block)
        except Break as broken:
            if broken.name and broken.name != name:
                raise
        finally:
            del machine.parts[depth:]

    return run


def _loop_name(bound: Bound) -> str:
    template = bound.text("name")
    if template is None:
        return ""
    if not template.constant:
        raise bound.fail(f"the name of {bound.name} must be a constant", bound.options["name"].place)
    return template.constant


def _build_break(bound: Bound) -> Run:
    name = _loop_name(bound)
    if not bound.loops:
        raise bound.fail("the break command stands only inside a foreverypart loop")
    if name and name not in bound.loops:
        raise bound.fail(f"there is no loop of the name '{name[:60]}' around the break command", bound.options["name"].place)

    def run(machine: Machine) -> None:
        raise Break(name)

    return run


def _build_extracttext(bound: Bound) -> Run:
    if not bound.loops:
        raise bound.fail("the extracttext command stands only inside a foreverypart loop")
    target, modify = read_variable(bound, bound.arguments[0].text), read_modifiers(bound)
    first = bound.options["first"].number if bound.has("first") else None

    def run(machine: Machine) -> None:
        part = machine.parts[-1]
        text = (machine.message.text(part, plain=True) or "") if is_text(part) and not part.children else ""
        machine.variables.set(target, modify(machine, text if first is None else text[:first]))

    return run


WORDS = (
    Word("foreverypart", _build_foreverypart, capability="foreverypart", options=(Option("name", Want.STRING),), has_block=True),
    Word("break", _build_break, capability="foreverypart", options=(Option("name", Want.STRING),)),
    Word(
        "extracttext",
        _build_extracttext,
        capability="extracttext",
        positionals=(Positional(Want.STRING, "variable name"),),
        options=(*MODIFIER_OPTIONS, Option("first", Want.NUMBER)),
    ),
)
