"""IMAP flags (RFC 5232)."""

import pytest

from services.kernel.sieve.actions import FileInto, Keep
from tests.unit.kernel.sieve.scripts import holds, judge

REQUIRE = 'require ["imap4flags", "fileinto", "variables"];'


@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ('setflag "\\\\seen";', ("\\Seen",)),
        ('addflag ["\\\\Flagged", "a b"]; addflag "B c";', ("\\Flagged", "a", "b", "c")),
        ('setflag "a b c"; removeflag "B";', ("a", "c")),
        ('setflag "a"; keep :flags "\\\\Draft x";', ("\\Draft", "x")),
        ('setflag "a"; keep; keep :flags ["b"];', ("b",)),
        ('setflag "\\\\Recent \\\\Frop (x) ok";', ("ok",)),
        ('setflag "v" "a b"; setflag "${v}";', ("a", "b")),
    ],
)
def test_flags_of_the_message_that_is_kept(script: str, flags: tuple[str, ...]) -> None:
    (keep,) = judge(REQUIRE + script).actions
    assert isinstance(keep, Keep) and keep.flags == flags


def test_flags_are_those_of_the_moment() -> None:
    actions = judge(REQUIRE + 'setflag "a"; fileinto "A"; setflag "b"; fileinto "B"; fileinto :flags "" "C";').actions
    assert [(action.folder, action.flags) for action in actions if isinstance(action, FileInto)] == [("A", ("a",)), ("B", ("b",)), ("C", ())]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('hasflag "b"', True),
        ('hasflag ["x", "A"]', True),
        ('hasflag "x"', False),
        ('hasflag :contains "unk"', True),
        ('hasflag :count "eq" :comparator "i;ascii-numeric" "3"', True),
        ('hasflag ["v", "w"] "z"', True),
        ('hasflag "v" "a"', False),
    ],
)
def test_hasflag(test: str, expected: bool) -> None:
    assert holds(test, before='setflag "a b $Junk"; setflag "w" "z";') is expected


def test_number_of_flags_is_limited() -> None:
    (keep,) = judge(REQUIRE + 'addflag "' + " ".join(f"k{number}" for number in range(1000)) + '";').actions
    assert isinstance(keep, Keep) and len(keep.flags) == 128
