"""A dialogue in words: bounded, and without secrets."""

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.smtp.dialogue import CHARACTERS, LINES, Dialogue


def dialogue(*turns: bytes | Reply | str) -> Dialogue:
    made = Dialogue()
    made.turns.extend(turns)
    return made


def test_turns_are_shown_as_they_crossed_the_wire() -> None:
    hello = (Reply(220, "", "mx ESMTP"), b"EHLO me\r\n", Reply(250, "", "mx\nDSN"))
    said = dialogue(*hello, "TLS", b"MAIL FROM:<a@b>\r\nDATA\r\n", Reply(550, "5.1.0", "no")).lines()
    assert said[:4] == ["S: 220 mx ESMTP", "C: EHLO me", "S: 250-mx", "S: 250 DSN"]
    assert said[4:] == ["-- TLS", "C: MAIL FROM:<a@b>", "C: DATA", "S: 550 5.1.0 no"]


@pytest.mark.parametrize(
    ("turns", "lines"),
    [
        ((b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n", Reply(535, "5.7.8", "no")), ["C: AUTH PLAIN (hidden)", "S: 535 5.7.8 no"]),
        (
            (b"AUTH LOGIN\r\n", Reply(334, "", "VXNlcm5hbWU6"), b"dXNlcg==\r\n", Reply(334, "", "UGFzcw=="), b"c2VjcmV0\r\n", Reply(235, "", "ok")),
            ["C: AUTH LOGIN", "S: 334 (hidden)", "C: (hidden)", "S: 334 (hidden)", "C: (hidden)", "S: 235 ok"],
        ),
        ((b"auth plain c2VjcmV0\r\n", Reply(500, "", "what is c2VjcmV0")), ["C: auth plain (hidden)", "S: 500 what is (hidden)"]),
        ((b"AUTH PLAIN c2VjcmV0\r\n", Reply(235, "", "ok"), b"MAIL FROM:<>\r\n"), ["C: AUTH PLAIN (hidden)", "S: 235 ok", "C: MAIL FROM:<>"]),
    ],
)
def test_what_a_login_sends_is_not_shown(turns: tuple[bytes | Reply, ...], lines: list[str]) -> None:
    assert dialogue(*turns).lines() == lines


def test_long_dialogue_keeps_its_beginning_and_its_end() -> None:
    said = dialogue(b"first\r\n", *[b"RCPT TO:<%d@d.test>\r\n" % n for n in range(1000)], Reply(550, "", "last")).lines()
    assert (said[0], said[-1]) == ("C: first", "S: 550 last")
    assert len(said) <= LINES
    assert any("lines left out" in line for line in said)


def test_long_lines_are_cut() -> None:
    said = dialogue(*[b"x" * 10_000 for _ in range(50)]).lines()
    assert sum(map(len, said)) <= CHARACTERS + 100
