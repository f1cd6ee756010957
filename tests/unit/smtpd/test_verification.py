"""Address verification at the front door, with a verify that answers by script."""

import asyncio
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.wire import channel
from services.kernel.wire.verdict import Ask, State, Verdict
from services.smtpd.standing import Action, Unknown, decide
from tests.unit.smtpd.site import PASSWORD, Running, Site

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
LISTS = {"reject_unverified_recipient": "[passed.test]", "reject_unverified_sender": "[strict.test]"}
SECONDS = 20.0


class Verifier:
    """Answers by the local part: ``good``, ``bad``, ``unknown``; ``slow`` never. It lives in the worker's loop."""

    def __init__(self, root: Path) -> None:
        self.address = f"unix:{root}/verify"
        self.asked: list[Ask] = []
        self._server: channel.Listener | None = None
        self._is_killed = False

    async def start(self) -> None:
        self._is_killed = False
        self._server = await channel.listen(self.address, Ask, self._answer, lambda defect: None)

    async def kill(self) -> None:
        """Nobody can connect any more, and who is connected is cut at his next question."""
        assert self._server is not None
        self._server.close()
        self._is_killed = True

    async def _answer(self, question: Ask) -> Verdict:
        self.asked.append(question)
        assert not self._is_killed
        word = question.address.partition("@")[0]
        if word == "slow":
            await asyncio.get_running_loop().create_future()
        states = {"good": State.DELIVERABLE, "bad": State.UNDELIVERABLE}
        return Verdict(question.address, states.get(word, State.UNKNOWN), reply=Reply(550, "5.1.1", "the server's own words"))


@pytest.fixture
def verifier(site: Site) -> Verifier:
    return Verifier(site.root)


def start(site: Site, verifier: Verifier, role: str = "mx", **settings: object) -> Running:
    running = site.start(role, verify=f'"{verifier.address}"', **(LISTS | settings))
    running.run(verifier.start())
    return running


@pytest.fixture
def mx(site: Site, verifier: Verifier) -> Iterator[Running]:
    running = start(site, verifier)
    yield running
    running.stop()


def ask(running: Running, recipient: str, sender: str = "carol@world.test") -> tuple[int, bytes]:
    """The reply to one recipient."""
    with smtplib.SMTP("127.0.0.1", running.port, "client.test", timeout=SECONDS) as client:
        client.ehlo()
        assert client.mail(sender)[0] == 250
        return client.rcpt(recipient)


@pytest.mark.parametrize(
    ("state", "unknown", "action"),
    [
        ("deliverable", "accept", "accept"),
        ("deliverable", "defer", "accept"),
        ("undeliverable", "accept", "refuse"),
        ("undeliverable", "defer", "refuse"),
        ("unknown", "accept", "accept"),
        ("unknown", "defer", "defer"),
    ],
)
def test_known_counts_and_the_choice_is_for_the_unknown(state: str, unknown: str, action: str) -> None:
    assert decide(State(state), Unknown(unknown)) is Action(action)


def test_only_the_bad_recipient_of_several_is_refused(mx: Running) -> None:
    with smtplib.SMTP("127.0.0.1", mx.port, "client.test", timeout=SECONDS) as client:
        refused = client.sendmail("carol@world.test", ["good@passed.test", "bad@passed.test", "alice@example.test"], MESSAGE)
    assert refused == {"bad@passed.test": (550, b"5.1.1 recipient address rejected: undeliverable address")}
    (message,) = mx.site.queued()
    assert [recipient.address for recipient in message.recipients] == ["good@passed.test", "alice@example.test"]


def test_cause_is_in_the_event_and_not_in_the_reply(mx: Running) -> None:
    code, words = ask(mx, "bad@passed.test")
    assert code == 550
    assert b"own words" not in words
    mx.stop()
    assert "undeliverable: 550 5.1.1 the server's own words" in mx.site.events()


@pytest.mark.parametrize(("choice", "code"), [("defer", 450), ("accept", 250)])
def test_unknown_is_the_choice_of_the_operator(site: Site, verifier: Verifier, choice: str, code: int) -> None:
    running = start(site, verifier, verify_unknown=choice)
    assert ask(running, "unknown@passed.test")[0] == code
    assert ask(running, "bad@passed.test")[0] == 550
    assert ask(running, "good@passed.test")[0] == 250
    running.stop()


def test_codes_are_settings(site: Site, verifier: Verifier) -> None:
    running = start(site, verifier, unverified_recipient_reject_code=450, unverified_sender_reject_code=554, unverified_recipient_defer_code=451)
    assert ask(running, "bad@passed.test") == (450, b"4.1.1 recipient address rejected: undeliverable address")
    assert ask(running, "unknown@passed.test") == (451, b"4.1.1 recipient address rejected: unverified address")
    assert ask(running, "alice@example.test", "bad@strict.test") == (554, b"5.1.7 sender address rejected: undeliverable address")
    running.stop()


def test_client_waits_no_longer_than_the_limit(site: Site, verifier: Verifier) -> None:
    running = start(site, verifier, verify_seconds=0.05)
    assert ask(running, "slow@passed.test") == (450, b"4.1.1 recipient address rejected: unverified address")
    running.stop()


def test_verify_that_is_away_is_unknown_and_used_again_when_it_is_back(mx: Running, verifier: Verifier) -> None:
    assert ask(mx, "good@passed.test")[0] == 250
    mx.run(verifier.kill())
    assert ask(mx, "good@passed.test")[0] == 450
    assert ask(mx, "bad@passed.test")[0] == 450
    assert ask(mx, "alice@example.test")[0] == 250
    mx.run(verifier.start())
    assert ask(mx, "bad@passed.test")[0] == 550
    mx.stop()
    troubles = [line for line in mx.site.events().splitlines() if '"kind":"trouble"' in line]
    assert len(troubles) == 1
    assert "verify cannot be asked" in troubles[0]


@pytest.mark.parametrize("role", ["mx", "submission"])
def test_nobody_is_asked_where_nothing_is_verified(site: Site, verifier: Verifier, role: str) -> None:
    running = start(site, verifier, role, reject_unverified_recipient="[]", reject_unverified_sender="[]")
    if role == "mx":
        assert ask(running, "bad@passed.test")[0] == 250
    running.stop()
    assert verifier.asked == []


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("good@strict.test", 250),
        ("bad@strict.test", 550),
        ("bad@sub.strict.test", 550),
        ("unknown@strict.test", 450),
        ("bad@lax.test", 250),
        ("", 250),
        ("postmaster@strict.test", 250),
        ("double-bounce@strict.test", 250),
    ],
)
def test_senders_of_listed_domains_are_verified(mx: Running, sender: str, code: int) -> None:
    assert ask(mx, "alice@example.test", sender)[0] == code


def test_own_senders_are_not_verified(site: Site, verifier: Verifier) -> None:
    running = start(site, verifier, reject_unverified_sender='["*"]')
    assert ask(running, "alice@example.test", "bad@passed.test")[0] == 250
    assert ask(running, "alice@example.test", "bad@elsewhere.test")[0] == 550
    running.stop()


def test_sender_is_verified_once_a_message_and_only_for_a_recipient_that_we_take(mx: Running, verifier: Verifier) -> None:
    with smtplib.SMTP("127.0.0.1", mx.port, "client.test", timeout=SECONDS) as client:
        client.ehlo()
        client.mail("good@strict.test")
        assert client.rcpt("x@not-ours.test")[0] == 550
        assert verifier.asked == []
        assert [client.rcpt(f"alice+{number}@example.test")[0] for number in range(3)] == [250] * 3
        assert verifier.asked == [Ask("good@strict.test", "alice+0@example.test")]
        client.rset()
        client.mail("bad@strict.test")
        assert [client.rcpt(f"alice+{number}@example.test")[0] for number in range(3)] == [550] * 3
    assert len(verifier.asked) == 2


def test_signed_in_users_may_have_their_recipients_verified_but_not_themselves(site: Site, verifier: Verifier) -> None:
    running = start(site, verifier, "submission", reject_unverified_recipient='["*"]', reject_unverified_sender='["*"]')
    with smtplib.SMTP("127.0.0.1", running.port, "client.test", timeout=SECONDS) as client:
        client.starttls(context=site.client_tls)
        client.login("alice@example.test", PASSWORD)
        client.mail("alice@example.test")
        assert [client.rcpt(f"{word}@world.test")[0] for word in ("good", "bad")] == [250, 550]
    running.stop()
    assert [question.address for question in verifier.asked] == ["good@world.test", "bad@world.test"]


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("bad@passed.test", 550),
        ("unknown@passed.test", 450),
        ("unknown@soft.passed.test", 250),
        ("bad@soft.passed.test", 550),
        ("unknown@deep.hard.passed.test", 450),
        ("bad@free.passed.test", 250),
    ],
)
def test_table_says_for_each_domain_what_holds(site: Site, verifier: Verifier, recipient: str, code: int) -> None:
    table = "inline:{ passed.test=reject_unverified_recipient, soft.passed.test=accept, hard.passed.test=defer, free.passed.test=DUNNO }"
    running = start(site, verifier, reject_unverified_recipient=f'["{table}"]')
    running.site.add_domain("soft.passed.test", "deep.hard.passed.test", "free.passed.test")
    assert ask(running, recipient)[0] == code
    running.stop()


def test_table_that_cannot_be_read_is_temporary(site: Site, verifier: Verifier) -> None:
    running = start(site, verifier, reject_unverified_recipient='["hash:/nowhere/at/all"]')
    assert ask(running, "good@passed.test") == (451, b"4.3.0 temporary lookup trouble, try again later")
    running.stop()
