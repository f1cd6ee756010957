"""The settings of rules, and what they mean for a run."""

import pytest
from pydantic import ValidationError

from services.kernel.mailbox.config import SieveSettings
from services.kernel.sieve.limits import DEFAULT


def test_defaults_are_those_of_the_interpreter() -> None:
    assert SieveSettings().limits == DEFAULT


def test_settings_reach_the_interpreter() -> None:
    settings = SieveSettings(
        includes=1,
        include_nesting=2,
        variable_bytes=4096,
        duplicate_usual_seconds=5,
        duplicate_most_seconds=6,
        editheader_bytes=1024,
        vacation_checks_recipient=False,
        editheader_unadded=("X-A",),
        editheader_undeleted=("X-B",),
    )
    limits = settings.limits
    assert (limits.includes, limits.include_nesting, limits.variable_bytes, limits.header_bytes) == (1, 2, 4096, 1024)
    assert (limits.duplicate_usual_seconds, limits.duplicate_most_seconds) == (5, 6)
    assert limits.policy.unadded_fields == {"x-a"} and limits.policy.undeleted_fields == {"x-b"}
    assert not limits.policy.vacation_wants_recipient


@pytest.mark.parametrize(
    "settings",
    [
        {"vacation_least_seconds": 700_000},
        {"vacation_most_seconds": 600_000},
        {"duplicate_usual_seconds": 200_000},
        {"redirect_sender": "nobody"},
        {"notify_sender": ""},
        {"notify_sender": "a@x.test, b@x.test"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SieveSettings.model_validate(settings)


@pytest.mark.parametrize(("written", "meant"), [("original", "original"), ("<>", "<>"), ("<r@x.test>", "r@x.test"), ("r@x.test", "r@x.test")])
def test_sender_is_a_word_or_an_address(written: str, meant: str) -> None:
    assert SieveSettings(redirect_sender=written).redirect_sender == meant


def test_answers_may_have_no_longest_period() -> None:
    assert SieveSettings(vacation_most_seconds=0).limits.vacation_most_seconds == 0
