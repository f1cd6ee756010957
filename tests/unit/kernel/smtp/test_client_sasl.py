"""Which mechanism is used, and the dialogue of AUTH, without I/O."""

import base64

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Manner, Opening, Send, Step
from services.kernel.smtp.client_mechanisms import SaslFault
from services.kernel.smtp.client_sasl import CHALLENGES, Exchange, Login, LoginRules, SecurityOption

ALL = ("LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "GSSAPI")
LOGIN = Login("tim", "secret")


def reply(text: str) -> Reply:
    code, _, words = text.partition(" ")
    return Reply(int(code), "", words.replace("|", "\n"))


def challenge(text: str) -> Reply:
    return Reply(334, "", base64.b64encode(text.encode()).decode())


@pytest.mark.parametrize(
    ("offered", "is_secure", "mechanism"),
    [
        (ALL, True, "SCRAM-SHA-256"),
        (("LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1"), True, "SCRAM-SHA-1"),
        (("LOGIN", "PLAIN", "CRAM-MD5"), False, "CRAM-MD5"),
        (("LOGIN", "PLAIN"), True, "PLAIN"),
        (("LOGIN",), True, "LOGIN"),
    ],
)
def test_strongest_mechanism_on_offer_is_used(offered: tuple[str, ...], is_secure: bool, mechanism: str) -> None:
    assert Exchange(LOGIN, offered, is_secure=is_secure).mechanism == mechanism


@pytest.mark.parametrize("offered", [("PLAIN", "LOGIN"), ("XOAUTH2",), ("GSSAPI", "ANONYMOUS")])
def test_password_is_not_sent_in_clear_text(offered: tuple[str, ...]) -> None:
    with pytest.raises(SaslFault, match="in clear text"):
        Exchange(Login("tim", "secret", read_token=lambda: "t"), offered, is_secure=False)


def test_password_is_sent_in_clear_text_where_the_operator_says_so() -> None:
    rules = LoginRules(options=frozenset({SecurityOption.NOANONYMOUS}))
    assert Exchange(Login("tim", "secret", rules), ("PLAIN",), is_secure=False).begin() == "AUTH PLAIN AHRpbQBzZWNyZXQ="


@pytest.mark.parametrize(
    ("filter_", "mechanism"),
    [
        (("plain",), "PLAIN"),
        (("!scram-sha-256", "static:all"), "SCRAM-SHA-1"),
        (("!SCRAM-SHA-256", "!SCRAM-SHA-1", "CRAM-MD5", "PLAIN"), "CRAM-MD5"),
    ],
)
def test_filter_leaves_the_mechanism(filter_: tuple[str, ...], mechanism: str) -> None:
    assert Exchange(Login("tim", "secret", LoginRules(filter_)), ALL, is_secure=True).mechanism == mechanism


def test_mutual_authentication_leaves_scram_only() -> None:
    rules = LoginRules(tls_options=frozenset({SecurityOption.MUTUAL_AUTH}))
    assert Login("tim", "secret", rules).candidates(is_secure=True) == ["SCRAM-SHA-256", "SCRAM-SHA-1"]


def test_token_is_preferred_and_read_for_each_login() -> None:
    tokens = iter(["one", "two"])
    login = Login("tim", read_token=lambda: next(tokens))
    lines = [base64.b64decode(Exchange(login, ALL, is_secure=True).begin().split()[2]) for _ in range(2)]
    assert lines == [b"user=tim\x01auth=Bearer one\x01\x01", b"user=tim\x01auth=Bearer two\x01\x01"]


def test_token_that_cannot_be_read_is_a_fault() -> None:
    def missing() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(SaslFault, match="No such file"):
        Exchange(Login("tim", read_token=missing), ALL, is_secure=True)


def test_long_initial_response_waits_for_the_server() -> None:
    exchange = Exchange(Login("tim", read_token=lambda: "t" * 2000), ("XOAUTH2",), is_secure=True)
    assert exchange.begin() == "AUTH XOAUTH2"
    said = exchange.take(Reply(334, "", ""))
    assert said is not None and len(said) > 2000
    assert exchange.take(reply("235 ok")) is None


def test_secrets_are_not_told() -> None:
    assert "secret" not in repr(LOGIN)
    assert LOGIN.conceal(reply("535 secret is wrong")).text == "(hidden) is wrong"


@pytest.mark.parametrize("words", ["no base64!", "="])
def test_bad_challenge_is_cancelled(words: str) -> None:
    exchange = Exchange(LOGIN, ("CRAM-MD5",), is_secure=True)
    assert exchange.take(Reply(334, "", words)) == "*"
    assert exchange.take(reply("501 cancelled")) is None
    assert exchange.fault


def test_challenges_without_end_are_left() -> None:
    exchange = Exchange(Login("tim", read_token=lambda: "t"), ("XOAUTH2",), is_secure=True)
    answers = [exchange.take(challenge("again")) for _ in range(CHALLENGES + 2)]
    assert [answer is None for answer in answers] == [False] * CHALLENGES + [True, True]
    assert exchange.fault


def test_success_without_the_servers_signature_does_not_count() -> None:
    exchange = Exchange(LOGIN, ("SCRAM-SHA-1",), is_secure=True)
    assert exchange.take(reply("235 welcome")) is None
    assert "did not prove" in exchange.fault


@pytest.mark.parametrize(
    ("replies", "last"),
    [
        (("220 mx", "250 mx|AUTH CRAM-MD5 PLAIN"), Send(b"AUTH CRAM-MD5\r\n")),
        (("220 mx", "250 mx|AUTH=CRAM-MD5"), Send(b"AUTH CRAM-MD5\r\n")),
        (("220 mx", "250 mx|AUTH CRAM-MD5|AUTH=LOGIN"), Send(b"AUTH CRAM-MD5\r\n")),
        (("220 mx", "250 mx"), Step.OPENED),
        (("220 mx", "250 mx|AUTH PLAIN"), Step.LOGIN_FAILED),
        (("220 mx", "250 mx|STARTTLS|AUTH PLAIN"), Send(b"STARTTLS\r\n")),
        (("220 mx", "250 mx|STARTTLS|AUTH PLAIN", "454 no"), Step.LOGIN_FAILED),
        (("220 mx", "250 mx|AUTH CRAM-MD5", "334 eA==", "235 ok"), Step.OPENED),
        (("220 mx", "250 mx|AUTH CRAM-MD5", "334 eA==", "535 wrong"), Step.REFUSED),
        (("220 mx", "250 mx|AUTH CRAM-MD5", "421 busy"), Step.REFUSED),
        (("220 mx", "250 mx|AUTH CRAM-MD5", "334 !", "501 cancelled"), Step.LOGIN_FAILED),
    ],
)
def test_opening_with_a_login_leads_to(replies: tuple[str, ...], last: Send | Step) -> None:
    opening = Opening(Manner("me.test", login=LOGIN))
    assert [opening.take(reply(text)) for text in replies][-1] == last


def test_login_comes_after_tls() -> None:
    opening = Opening(Manner("me.test", login=LOGIN))
    for text in ("220 mx", "250 mx|STARTTLS", "220 go"):
        opening.take(reply(text))
    opening.secured()
    assert opening.take(reply("250 mx|AUTH PLAIN")) == Send(b"AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n")
