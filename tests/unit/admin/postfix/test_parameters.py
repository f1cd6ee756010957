"""The table of parameters as a whole."""

import pytest

from services.admin.configuration import SECTIONS
from services.admin.postfix.draft import has_setting, keys
from services.admin.postfix.maincf import Parameters, defaults
from services.admin.postfix.rows import How, Row, parameter_rows, restriction_rows, transport_rows
from services.admin.postfix.translation import OWN

_REASONS = (How.UNNEEDED, How.UNSUPPORTED, How.OWN)


def _settings(row: Row) -> list[str]:
    group, _, option = row.rest.partition(".")
    places = {"outgoing": ("relay", "routing.transports.NAME"), "role": ("smtpd.mx", "smtpd.submission")}.get(group, ())
    return [f"{place}.{option}" for place in places] or [row.rest]


_WRITTEN = [row for row in parameter_rows().all if row.how not in _REASONS]


def test_every_parameter_of_postfix_has_a_row() -> None:
    assert [name for name in defaults() if parameter_rows().find(name) is None] == []


def test_every_default_of_postfix_can_be_expanded() -> None:
    parameters = Parameters([])
    assert all(parameters.default(name) is not None for name in parameters.defaults)


def test_every_row_is_for_a_parameter_of_postfix_or_an_old_one() -> None:
    text = (row.name for row in parameter_rows().all if "*" not in row.name and "?" not in row.name)
    assert len([name for name in text if name not in defaults()]) < 20


def test_own_rows_and_functions_are_the_same_names() -> None:
    assert {row.name for row in parameter_rows().all if row.how is How.OWN} == set(OWN)


@pytest.mark.parametrize("row", _WRITTEN, ids=lambda row: row.name)
def test_every_row_writes_a_setting_that_there_is(row: Row) -> None:
    assert [setting for setting in _settings(row) if not has_setting(keys(setting))] == []


@pytest.mark.parametrize("row", [row for row in transport_rows().all if row.how not in _REASONS], ids=lambda row: row.name)
def test_every_transport_row_writes_a_setting_of_transports(row: Row) -> None:
    assert has_setting(("routing", "transports", "slow", row.rest))


@pytest.mark.parametrize(
    "row", [row for row in [*parameter_rows().all, *restriction_rows().all] if row.how in _REASONS[:2]], ids=lambda row: row.name
)
def test_every_other_row_says_why(row: Row) -> None:
    assert len(row.rest) > 5


def test_paths_are_looked_up_in_the_schemas() -> None:
    assert set(SECTIONS) > {"site", "routing"}
    assert has_setting(keys("relay.tls.level"))
    assert has_setting(("routing", "transports", "a.b", "tls", "level"))
    assert not has_setting(keys("relay.tls.nothing"))
    assert not has_setting(keys("nothing.at.all"))
