"""``include`` (RFC 6609) and ``error``."""

import pytest

from services.kernel.sieve.actions import Discard, FileInto, Keep
from tests.unit.kernel.sieve.scripts import World, flaws, judge

REQUIRE = 'require ["include", "variables", "fileinto"];\n'


def world(**scripts: str) -> World:
    return World(scripts={("personal", name): REQUIRE + source for name, source in scripts.items()})


def test_included_script_acts_and_the_including_one_goes_on() -> None:
    actions = judge(REQUIRE + 'include "one"; fileinto "B";', world=world(one='fileinto "A"; return; discard;')).actions
    assert actions == (FileInto("A"), FileInto("B"))


def test_stop_in_an_included_script_stops_all() -> None:
    assert judge(REQUIRE + 'include "one"; fileinto "B";', world=world(one="stop;")).actions == (Keep(is_implicit=True),)


def test_only_global_variables_are_shared() -> None:
    script = REQUIRE + 'global "g"; set "g" "1"; set "own" "1"; include "one"; if string "${g}${own}${global.h}" "213" { discard; }'
    included = 'global ["g", "h"]; if string "${g}${own}" "1" { set "g" "2"; set "own" "2"; set "h" "3"; }'
    assert judge(script, world=world(one=included)).actions == (Discard(),)


def test_script_of_the_site_is_another_one_than_the_users() -> None:
    both = World(scripts={("personal", "x"): "keep;", ("global", "x"): "discard;"})
    assert judge('require "include"; include :global "x";', world=both).actions == (Discard(),)


def test_once_is_once() -> None:
    script = REQUIRE + 'global "n"; include "one"; include :once "one"; include :once "two"; include :once "two"; if string "${n}" "xy" { discard; }'
    assert judge(script, world=world(one='global "n"; set "n" "${n}x";', two='global "n"; set "n" "${n}y";')).actions == (Discard(),)


def test_optional_script_may_be_missing() -> None:
    assert judge(REQUIRE + 'include :optional "none"; discard;').actions == (Discard(),)


@pytest.mark.parametrize(
    ("scripts", "words"),
    [
        ({}, "included personal script 'one' does not exist"),
        ({"one": 'include "one";'}, "circular include of script 'one'"),
        ({"one": 'include "two";', "two": 'include "one";'}, "circular include of script 'one'"),
        ({"one": "frop;"}, "an included script has errors: line 2, column 1: unknown command 'frop'"),
        ({f"s{number}": f'include "s{number + 1}";' for number in range(20)} | {"one": 'include "s0";'}, "scripts are included too deep"),
        ({"one": 'include "two";' * 300, "two": ""}, "too many scripts are included"),
    ],
)
def test_include_that_cannot_be_keeps_the_message(scripts: dict[str, str], words: str) -> None:
    result = judge(REQUIRE + 'discard; include "one";', world=world(**scripts))
    assert result.actions == (Keep(is_implicit=True),)
    assert result.error is not None and words in result.error.message


def test_error_in_an_included_script_names_it() -> None:
    result = judge(REQUIRE + 'include "one";', world=world(one='\nset "f" "";\nfileinto "${f}";'))
    assert str(result.error) == "one (personal): line 4: invalid folder name ''"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a\x07b", "x" * 129, "a\u2028b"])
def test_name_that_is_no_script_name_is_refused(name: str) -> None:
    assert any("is not the name of a script" in flaw for flaw in flaws(f'require "include"; include "{name}";'))


def test_name_from_a_variable_is_refused() -> None:
    assert any("must be a constant" in flaw for flaw in flaws(REQUIRE + 'include "${x}";'))
