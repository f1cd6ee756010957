"""SCRAM-SHA-256 against the example of the RFC, and against what a stranger may try."""

import asyncio
import base64

import pytest

from services.kernel.directory import Account
from services.kernel.sasl import Challenge, Refused, SignedIn, Why
from services.kernel.sasl.exchange import Step
from services.kernel.sasl.scram import Keys, Scram, derive, parse
from services.kernel.smtp.client_mechanisms import Scram as Client
from tests.unit.kernel.sasl.accounts import ALICE, BOB, PASSWORD, ListedAccounts

END_POINT = {"tls-server-end-point": b"the hash"}


class OneUser(ListedAccounts):
    """``user`` with the password ``pencil`` and the salt of RFC 7677 section 3."""

    async def scram(self, login: str) -> Account | None:
        return Account("user", "hash", scram=derive("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096).text())


def server(accounts: ListedAccounts, *, is_bound: bool = False, bindings: dict[str, bytes] | None = None) -> Scram:
    return Scram(accounts, bindings or {}, is_bound=is_bound, nonce=lambda: "nonce")


def run(exchange: Scram, *responses: bytes) -> list[Step]:
    async def session() -> list[Step]:
        return [await exchange.answer(response) for response in responses]

    return asyncio.run(session())


def first(user: str = ALICE, header: str = "n,,") -> bytes:
    return f"{header}n={user},r=client".encode()


def test_example_of_rfc_7677_is_spoken_word_for_word() -> None:
    exchange = Scram(OneUser(), {}, is_bound=False, nonce=lambda: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    final = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert run(exchange, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", final, b"") == [
        Challenge(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        SignedIn(Account("user", "hash", scram=derive("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096).text())),
    ]


def log_in(accounts: ListedAccounts, user: str, password: str) -> Step:
    client, exchange = Client("sha256", (user, password)), server(accounts)

    async def session() -> Step:
        step = await exchange.answer(client.begin() or b"")
        while isinstance(step, Challenge):
            step = await exchange.answer(client.respond(step.data))
        return step

    return asyncio.run(session())


@pytest.mark.parametrize("user", [ALICE, ALICE.upper()])
def test_right_password_signs_in(user: str) -> None:
    step = log_in(ListedAccounts(), user, PASSWORD)
    assert isinstance(step, SignedIn) and step.account.address == ALICE


@pytest.mark.parametrize(("user", "password"), [(ALICE, "Pencil"), (BOB, PASSWORD), ("nobody@example.test", PASSWORD), ("a,b=c", PASSWORD)])
def test_wrong_password_unknown_user_and_one_without_keys_are_refused_alike(user: str, password: str) -> None:
    assert log_in(ListedAccounts(), user, password) == Refused(Why.WRONG, user)


def test_salt_of_an_unknown_user_stays_the_same_and_is_his_own() -> None:
    challenges = [run(server(ListedAccounts()), first(user))[0] for user in ("nobody", "nobody", "somebody")]
    assert challenges[0] == challenges[1] != challenges[2]


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\xff",
        b"n,,",
        b"n,,n=,r=x",
        b"n,,r=x,n=y",
        b"n,,m=ext,n=user,r=x",
        b"n,,n=us=er,r=x",
        b"n,,n=user,r=" + b"x" * 257,
        b"x,,n=user,r=x",
        b"p=tls-unique,,n=user,r=x",
        b"n" * 100_000,
    ],
)
def test_first_message_that_is_none_is_refused(response: bytes) -> None:
    (step,) = run(server(ListedAccounts()), response)
    assert isinstance(step, Refused) and step.why is Why.MALFORMED


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws,r=clientnonce",
        b"c=biws,r=clientother,p=AAAA",
        b"c=biws,r=client,p=AAAA",
        b"c=biws,r=clientnonce,p=AAAA",
        b"c=eSws,r=clientnonce,p=" + base64.b64encode(bytes(32)),
        b"c=,r=clientnonce,p=" + base64.b64encode(bytes(32)),
    ],
)
def test_final_message_that_is_none_is_refused(final: bytes) -> None:
    step = run(server(ListedAccounts()), first(), final)[1]
    assert step == Refused(Why.MALFORMED, ALICE)


def test_acting_for_another_user_is_refused() -> None:
    assert run(server(ListedAccounts()), first(header=f"n,a={BOB},")) == [Refused(Why.OTHER_USER, ALICE)]
    assert isinstance(run(server(ListedAccounts()), first(header=f"n,a={ALICE},"))[0], Challenge)


@pytest.mark.parametrize(
    ("is_bound", "header", "is_taken"),
    [
        (True, "p=tls-server-end-point,,", True),
        (True, "p=tls-unique,,", False),
        (True, "n,,", False),
        (True, "y,,", False),
        (False, "n,,", True),
        (False, "y,,", False),
        (False, "p=tls-server-end-point,,", False),
    ],
)
def test_client_and_server_agree_whether_the_login_is_bound(is_bound: bool, header: str, is_taken: bool) -> None:
    (step,) = run(server(ListedAccounts(), is_bound=is_bound, bindings=END_POINT), first(header=header))
    assert isinstance(step, Challenge) is is_taken


def test_client_that_could_bind_is_let_in_where_nothing_can_be_bound() -> None:
    assert isinstance(run(server(ListedAccounts()), first(header="y,,"))[0], Challenge)


def test_login_bound_to_another_connection_is_refused() -> None:
    header = "p=tls-server-end-point,,"
    other = base64.b64encode(header.encode() + b"another hash")
    exchange = server(ListedAccounts(), is_bound=True, bindings=END_POINT)
    final = b"c=" + other + b",r=clientnonce,p=" + base64.b64encode(bytes(32))
    assert run(exchange, first(header=header), final)[1] == Refused(Why.MALFORMED, ALICE)


def test_keys_are_read_as_they_were_written() -> None:
    keys = derive("p\u00e4ssword")
    assert parse(keys.text()) == keys
    assert keys == derive("pa\u0308ssword\u00ad", keys.salt)


@pytest.mark.parametrize("text", ["", "SCRAM-SHA-1$4096:AA==$AA==:AA==", "SCRAM-SHA-256$x:AA==$AA==:AA==", "SCRAM-SHA-256$4096:A$AA==:AA=="])
def test_keys_of_another_form_are_none(text: str) -> None:
    assert parse(text) is None


def test_secrets_do_not_show() -> None:
    assert repr(derive("x", b"salt", 1)) == repr(Keys(1, b"", b"", b""))
