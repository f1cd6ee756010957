"""Control of the run: logic (RFC 5228 sections 3 and 5), ``ihave`` and ``error`` (RFC 5463), ``include`` (RFC 6609)."""

import re
from collections.abc import Callable

from services.kernel.sieve.delivery import Location
from services.kernel.sieve.flaws import RunFault
from services.kernel.sieve.machine import Machine, Return, Stop
from services.kernel.sieve.scope import Variables
from services.kernel.sieve.words import Bound, Option, Positional, Tests, Want, Word

_BAD_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029/\ud800-\udfff]")
"""RFC 6609 section 3.2 names what a script's name must not hold; like the slash, which would name another folder."""
_MOST_NAME = 128
"""Characters of a script's name (RFC 5804 section 1.6)."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Run = Callable[[Machine], None]
Holds = Callable[[Machine], bool]


def _build_constant(bound: Bound) -> Holds:
    outcome = bound.call.name == "true"
    return lambda machine: outcome


def _build_not(bound: Bound) -> Holds:
    (test,) = bound.tests
    return lambda machine: not machine.ask(test)


def _build_allof(bound: Bound) -> Holds:
    return lambda machine: all(machine.ask(test) for test in bound.tests)


def _build_anyof(bound: Bound) -> Holds:
    return lambda machine: any(machine.ask(test) for test in bound.tests)


def _build_chain(bound: Bound) -> Run:
    raise AssertionError("the checker joins if, elsif and else")


def _build_stop(bound: Bound) -> Run:
    def run(machine: Machine) -> None:
        raise Stop

    return run


def _build_ihave(bound: Bound) -> Holds:
    names = [template.constant for template in bound.arguments[0].texts]
    if None in names:
        raise bound.fail("ihave takes constant strings only")
    return lambda machine: False  # never asked: the outcome is known when the script is compiled


def _build_error(bound: Bound) -> Run:
    text = bound.arguments[0].text

    def run(machine: Machine) -> None:
        raise RunFault(text.expand(machine)[:1000])

    return run


def _build_include(bound: Bound) -> Run:
    name = bound.arguments[0].text.constant
    place = bound.arguments[0].place
    if name is None:
        raise bound.fail("the name of an included script must be a constant", place)
    if not name or len(name) > _MOST_NAME or _BAD_NAME.search(name):
        raise bound.fail(f"'{name[:60]}' is not the name of a script", place)
    location = Location.GLOBAL if bound.has("global") else Location.PERSONAL
    is_once, is_optional = bound.has("once"), bound.has("optional")

    def run(machine: Machine) -> None:
        if is_once and (location, name) in machine.once:
            return
        _include(machine, location, name, is_optional=is_optional)

    return run


def _include(machine: Machine, location: Location, name: str, *, is_optional: bool) -> None:
    key = (str(location), name)
    if key in machine.included:
        raise RunFault(f"circular include of script '{name}'")
    if len(machine.included) >= machine.limits.include_nesting:
        raise RunFault(f"scripts are included too deep, the limit is {machine.limits.include_nesting}")
    machine.includes += 1
    if machine.includes > machine.limits.includes:
        raise RunFault(f"too many scripts are included, the limit is {machine.limits.includes}")
    script = machine.load(location, name)
    machine.once.add(key)
    if script is None:
        if is_optional:
            return
        raise RunFault(f"included {location} script '{name}' does not exist")
    _run_included(machine, key, script.commands)


def _run_included(machine: Machine, key: tuple[str, str], commands: "tuple[object, ...]") -> None:
    variables, name, line = machine.variables, machine.name, machine.line
    machine.variables = Variables(machine.shared, machine.limits)
    machine.name = f"{key[1]} ({key[0]})"
    machine.included.append(key)
    try:
        with machine.deeper():
            machine.execute(commands)  # type: ignore[arg-type]  # a script's commands
    except Return:
        pass
    machine.included.pop()
    machine.variables, machine.name, machine.line = variables, name, line


def _build_return(bound: Bound) -> Run:
    def run(machine: Machine) -> None:
        raise Return

    return run


def _build_global(bound: Bound) -> Run:
    names = []
    for template in bound.arguments[0].texts:
        if template.constant is None or not _NAME.fullmatch(template.constant):
            raise bound.fail(f"'{template.source[:40]}' is not the name of a variable", bound.arguments[0].place)
        names.append(template.constant.lower())
    if "variables" not in bound.required:
        raise bound.fail("the global command needs 'require \"variables\"'")
    return lambda machine: machine.variables.declare(names)


WORDS = (
    Word("true", _build_constant, is_test=True),
    Word("false", _build_constant, is_test=True),
    Word("not", _build_not, is_test=True, tests=Tests.ONE),
    Word("allof", _build_allof, is_test=True, tests=Tests.LIST),
    Word("anyof", _build_anyof, is_test=True, tests=Tests.LIST),
    Word("if", _build_chain, tests=Tests.ONE, has_block=True),
    Word("elsif", _build_chain, tests=Tests.ONE, has_block=True),
    Word("else", _build_chain, has_block=True),
    Word("stop", _build_stop),
    Word("ihave", _build_ihave, is_test=True, capability="ihave", positionals=(Positional(Want.STRINGS, "capabilities"),)),
    Word("error", _build_error, capability="ihave", positionals=(Positional(Want.STRING, "message"),)),
    Word(
        "include",
        _build_include,
        capability="include",
        positionals=(Positional(Want.STRING, "script name"),),
        options=(Option("personal", group="location"), Option("global", group="location"), Option("once"), Option("optional")),
    ),
    Word("return", _build_return, capability="include"),
    Word("global", _build_global, capability="include", positionals=(Positional(Want.STRINGS, "variable names"),)),
)
