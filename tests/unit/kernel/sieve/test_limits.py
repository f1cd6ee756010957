"""The limits keep what the RFCs ask for at least."""

from services.kernel.sieve.limits import DEFAULT


def test_limits_are_at_least_what_the_standards_ask_for() -> None:
    assert DEFAULT.nesting >= 15  # RFC 5228 section 2.10.5
    assert DEFAULT.variables >= 128 and DEFAULT.variable_bytes >= 4000  # RFC 5229 section 6
    assert DEFAULT.vacation_most_seconds >= 30 * 86_400  # RFC 5230 section 4.1
