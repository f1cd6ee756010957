"""``duplicate`` (RFC 7352): what is asked of the past and what is to be remembered."""

from services.kernel.sieve.actions import Discard, Keep
from services.kernel.sieve.delivery import Mark
from tests.unit.kernel.sieve.scripts import World, judge

SCRIPT = 'require "duplicate"; if duplicate {} {{ discard; }}'


def test_first_message_is_remembered_and_kept() -> None:
    result = judge(SCRIPT.format(""))
    assert (result.actions, result.marks) == ((Keep(is_implicit=True),), (Mark("", "<1@world.test>", 43_200),))


def test_second_one_is_a_duplicate_and_the_period_goes_on() -> None:
    world = World(seen={("", "<1@world.test>")})
    assert (judge(SCRIPT.format(""), world=world).actions, judge(SCRIPT.format(""), world=world).marks) == ((Discard(),), ())
    assert judge(SCRIPT.format(":last"), world=world).marks == (Mark("", "<1@world.test>", 43_200, is_last=True),)


def test_identity_handle_and_period_are_the_scripts_choice() -> None:
    assert judge(SCRIPT.format(':handle "h" :header "subject" :seconds 60')).marks == (Mark("h", "Hello", 60),)
    assert judge(SCRIPT.format(':uniqueid "u" :seconds 99999999')).marks == (Mark("", "u", 172_800),)


def test_message_without_identity_is_no_duplicate() -> None:
    assert judge(SCRIPT.format(':header "x-none"')).marks == ()


def test_failed_run_remembers_nothing() -> None:
    assert judge('require ["duplicate", "ihave"]; if duplicate {} error "x";').marks == ()
