"""Texts that count as equal have one form (RFC 5051)."""

import pytest

from services.kernel.mail.casemap import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello", "hELLO"),
        ("CAFE\u0301", "café"),
        ("①", "1"),  # a compatibility form
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("ǆ", "Ǆ"),
        ("ﾊﾝｶｸ", "ハンカク"),
    ],
)
def test_equal_texts_have_one_form(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("Straße", "strasse"), ("cafe", "café"), ("a", "b")])
def test_other_texts_have_another(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_letters_come_before_the_underscore_in_any_case() -> None:
    assert fold("a") < fold("_")
