"""PLAIN, LOGIN, bearer tokens, and what is on offer."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from services.kernel.directory import DirectoryTrouble
from services.kernel.sasl import Challenge, Exchange, Refused, Sasl, SaslSettings, SignedIn, Why
from services.kernel.sasl.bearer import Bearer
from services.kernel.sasl.exchange import Step
from services.kernel.sasl.mechanisms import Login, Plain
from tests.unit.kernel.sasl.accounts import ALICE, BOB, PASSWORD, ListedAccounts


def run(exchange: Exchange, responses: Sequence[bytes]) -> Step:
    """The last step."""

    async def session() -> Step:
        steps = [await exchange.answer(response) for response in responses]
        assert all(isinstance(step, Challenge) for step in steps[:-1])
        return steps[-1]

    return asyncio.run(session())


def outcome(step: Step) -> object:
    return step.account.address if isinstance(step, SignedIn) else step.why if isinstance(step, Refused) else step.data


@pytest.mark.parametrize(
    ("response", "result"),
    [
        (f"\0{ALICE}\0{PASSWORD}", ALICE),
        (f"{ALICE.upper()}\0{ALICE}\0{PASSWORD}", ALICE),
        (f"{BOB}\0{ALICE}\0{PASSWORD}", Why.OTHER_USER),
        (f"\0{ALICE}\0wrong", Why.WRONG),
        (f"\0\0{PASSWORD}", Why.MALFORMED),
        (f"{ALICE}\0{PASSWORD}", Why.MALFORMED),
        ("", Why.MALFORMED),
        ("\0\0\0", Why.MALFORMED),
    ],
)
def test_plain(response: str, result: object) -> None:
    assert outcome(run(Plain(ListedAccounts()), [response.encode()])) == result


@pytest.mark.parametrize(
    ("responses", "result"),
    [
        (["", ALICE, PASSWORD], ALICE),
        ([ALICE, PASSWORD], ALICE),
        (["", ALICE, ""], Why.WRONG),
        (["", "", PASSWORD], Why.WRONG),
        ([""], b"Username:"),
        ([ALICE], b"Password:"),
    ],
)
def test_login_asks_for_user_and_password(responses: list[str], result: object) -> None:
    assert outcome(run(Login(ListedAccounts()), [response.encode() for response in responses])) == result


class Tokens:
    """An issuer that knows a few tokens."""

    async def user_of(self, token: str) -> str | None:
        if token == "broken":
            raise DirectoryTrouble("no issuer")
        return {"t-alice": ALICE, "t-extended": "alice+ext@example.test", "t-nobody": "nobody@example.test"}.get(token)


BEARER = "n,a={user},\x01host=x\x01port=143\x01auth=Bearer {token}\x01\x01"
XOAUTH2 = "user={user}\x01auth=Bearer {token}\x01\x01"


@pytest.mark.parametrize("form", [BEARER, XOAUTH2])
@pytest.mark.parametrize(
    ("user", "token", "result"),
    [
        (ALICE, "t-alice", ALICE),
        (ALICE.upper(), "t-alice", ALICE),
        (BOB, "t-alice", Why.OTHER_USER),
        (ALICE, "t-unknown", Why.WRONG),
        ("nobody@example.test", "t-nobody", Why.WRONG),
        (ALICE, "t-extended", Why.WRONG),
    ],
)
def test_bearer_token_signs_in_its_user(form: str, user: str, token: str, result: object) -> None:
    exchange = Bearer(ListedAccounts(), Tokens(), is_xoauth2=form is XOAUTH2)
    first = run(exchange, [form.format(user=user, token=token).encode()])
    assert outcome(first if isinstance(first, SignedIn) else run(exchange, [b"\x01"])) == result


def test_bearer_needs_no_name() -> None:
    assert outcome(run(Bearer(ListedAccounts(), Tokens(), is_xoauth2=False), [b"n,,\x01auth=bearer t-alice\x01\x01"])) == ALICE


def test_refusal_of_a_token_tells_why_before_it_is_final() -> None:
    exchange = Bearer(ListedAccounts(), Tokens(), is_xoauth2=False, scope="mail")
    step = run(exchange, [b"n,,\x01auth=Bearer t-unknown\x01\x01"])
    assert isinstance(step, Challenge) and json.loads(step.data) == {"status": "invalid_token", "scope": "mail"}
    assert outcome(run(exchange, [b"\x01"])) is Why.WRONG


@pytest.mark.parametrize(
    "response",
    [b"", b"n,,\x01\x01", b"n,,\x01auth=Basic x\x01\x01", b"n,,\x01auth=Bearer a b\x01\x01", b"n,,\x01auth=Bearer " + b"x" * 7_000 + b"\x01\x01"],
)
def test_message_without_a_token_is_malformed(response: bytes) -> None:
    exchange = Bearer(ListedAccounts(), Tokens(), is_xoauth2=False)
    assert isinstance(run(exchange, [response]), Challenge)
    assert outcome(run(exchange, [b""])) is Why.MALFORMED


def test_token_of_a_shut_account_is_refused() -> None:
    accounts = ListedAccounts()
    accounts.is_enabled = False
    exchange = Bearer(accounts, Tokens(), is_xoauth2=True)
    assert isinstance(run(exchange, [XOAUTH2.format(user=ALICE, token="t-alice").encode()]), Challenge)


def test_trouble_with_the_issuer_is_told_as_such() -> None:
    with pytest.raises(DirectoryTrouble):
        run(Bearer(ListedAccounts(), Tokens(), is_xoauth2=True), [XOAUTH2.format(user=ALICE, token="broken").encode()])


def offered(settings: dict[str, object], *, is_complete: bool) -> tuple[str, ...]:
    accounts = ListedAccounts()
    accounts.is_complete = is_complete
    sasl = Sasl(SaslSettings.model_validate(settings), accounts)
    asyncio.run(sasl.look())
    return sasl.mechanisms()


@pytest.mark.parametrize(
    ("settings", "is_complete", "names"),
    [
        ({}, False, ("PLAIN", "LOGIN")),
        ({}, True, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        ({"scram": "never"}, True, ("PLAIN", "LOGIN")),
        ({"scram": "always"}, False, ("SCRAM-SHA-256", "PLAIN", "LOGIN")),
        ({"oauth": {"introspection_url": "https://issuer.test/"}}, False, ("OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN")),
    ],
)
def test_scram_is_offered_once_all_can_use_it_and_tokens_with_an_issuer(
    settings: dict[str, object], is_complete: bool, names: tuple[str, ...]
) -> None:
    assert offered(settings, is_complete=is_complete) == names


def test_only_what_is_offered_can_be_begun() -> None:
    sasl = Sasl(SaslSettings(), ListedAccounts())
    assert [sasl.begin(name) is not None for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "plain", "CRAM-MD5")] == [
        True,
        True,
        *[False] * 4,
    ]
