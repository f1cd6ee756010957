"""Replies and what they reply to have one base subject (RFC 5256 section 2.1)."""

import pytest

from services.imapd.subject import base_subject


@pytest.mark.parametrize(
    ("subject", "base", "is_reply"),
    [
        ("plan", "plan", False),
        ("Re: plan", "plan", True),
        ("RE : plan", "plan", True),
        ("fw: plan", "plan", True),
        ("Fwd: plan", "plan", True),
        ("fwdd: plan", "fwdd: plan", False),
        ("re[2]: plan", "plan", True),
        ("re [2] : plan", "plan", True),
        ("re[2]x: plan", "re[2]x: plan", False),
        ("[list] plan", "plan", False),
        ("[list] re: [other] plan", "plan", True),
        ("re: re: fwd: plan", "plan", True),
        ("[list]", "[list]", False),
        ("[a][b]", "[b]", False),
        ("[a [b] plan", "[a [b] plan", False),
        ("plan (fwd)", "plan", True),
        ("plan (FWD)  (fwd) ", "plan", True),
        ("[fwd: plan]", "plan", True),
        ("[fwd: re: plan (fwd)]", "plan", True),
        ("[fwd: plan", "[fwd: plan", False),
        ("re: [fwd: [list] plan]", "plan", True),
        (" \t a \r\n\t b ", "a b", False),
        ("", "", False),
        ("re:", "", True),
        ("(fwd)", "", True),
    ],
)
def test_base_subject(subject: str, base: str, is_reply: bool) -> None:
    assert base_subject(subject) == (base, is_reply)


@pytest.mark.parametrize("text", ["[a]", "re:", "(fwd)", "[fwd:", "[fwd: ]", "[", "re[a]"])
def test_endless_subject_is_cut_short(text: str) -> None:
    assert len(base_subject(text * 100_000)[0]) <= 2_000
