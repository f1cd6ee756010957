"""Looking through included scripts without running them."""

import pytest

from services.kernel.sieve.delivery import Location
from services.kernel.sieve.library import Library
from services.kernel.sieve.limits import Limits
from services.kernel.sieve.script import compile_script

REQUIRE = 'require ["include", "fileinto"];\n'


def examine(scripts: dict[str, str], limits: Limits | None = None) -> list[str]:
    def load(location: Location, name: str) -> bytes | None:
        return (REQUIRE + scripts[name]).encode() if location is Location.PERSONAL and name in scripts else None

    library = Library(load, limits=limits or Limits())
    found = library.examine(compile_script((REQUIRE + scripts["main"]).encode()))
    return [f"{each.script[1] if each.script else 'main'}: {each.flaw}" for each in found]


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        ({"main": 'include "a"; include :optional "gone";', "a": 'include "b"; include "b";', "b": "keep;"}, []),
        ({"main": 'include "gone";'}, ["main: line 2, column 1: included personal script 'gone' does not exist"]),
        ({"main": 'include :global "main";'}, ["main: line 2, column 1: included global script 'main' does not exist"]),
        (
            {"main": 'include "a";', "a": "\nfrop;"},
            ["a: line 3, column 1: unknown command 'frop'", "main: line 2, column 1: included personal script 'a' has errors"],
        ),
        (
            {"main": 'include "a";', "a": 'include "b";', "b": 'include "a";'},
            [
                "b: line 2, column 1: included personal script 'a' includes itself in a circle",
                "a: line 2, column 1: included personal script 'b' has errors",
                "main: line 2, column 1: included personal script 'a' has errors",
            ],
        ),
    ],
)
def test_errors_are_told_with_the_script_that_has_them(scripts: dict[str, str], expected: list[str]) -> None:
    assert examine(scripts) == expected


def test_number_and_depth_are_limited() -> None:
    chain = {f"s{number}": f'include "s{number + 1}";' for number in range(5)} | {"s5": "keep;"}
    assert "is included too deep, the limit is 3" in examine({"main": 'include "s0";'} | chain, Limits(include_nesting=3))[0]
    assert "is one too many, the limit is 2" in examine({"main": 'include "s3";'} | chain, Limits(includes=2))[0]
