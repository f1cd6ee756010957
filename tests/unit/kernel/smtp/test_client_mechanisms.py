"""SASL mechanisms against the examples of their specifications, and against servers that cheat."""

import pytest

from services.kernel.smtp.client_mechanisms import CramMd5, LoginMechanism, Plain, SaslFault, Scram, Xoauth2

USER = ("user", "pencil")
FIRST_1 = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
FINAL_1 = b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
FIRST_256 = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL_256 = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def scram(digest: str = "sha1", nonce: str = "fyko+d2lbbFgONRv9qkxdawL") -> Scram:
    return Scram(digest, USER, lambda: nonce)


def test_plain_says_all_at_once() -> None:
    assert Plain("tim", "tanstaaf").begin() == b"\0tim\0tanstaaf"


def test_login_answers_two_prompts_in_order() -> None:
    login = LoginMechanism("tim", "secret")
    assert login.begin() is None
    assert [login.respond(b"Username:"), login.respond(b"whatever")] == [b"tim", b"secret"]
    with pytest.raises(SaslFault):
        login.respond(b"Password:")


def test_cram_md5_is_as_in_rfc_2195() -> None:
    response = CramMd5("tim", "tanstaaftanstaaf").respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert response == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_xoauth2_sends_the_token_and_ends_a_refusal() -> None:
    xoauth2 = Xoauth2("tim@d.test", "ya29.token")
    assert xoauth2.begin() == b"user=tim@d.test\x01auth=Bearer ya29.token\x01\x01"
    assert xoauth2.respond(b'{"status":"401"}') == b""


def test_scram_sha_1_is_as_in_rfc_5802() -> None:
    made = scram()
    assert made.begin() == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    assert made.respond(FIRST_1) == b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert not made.is_proven
    assert made.respond(FINAL_1) == b""
    assert made.is_proven


def test_scram_sha_256_is_as_in_rfc_7677() -> None:
    made = scram("sha256", "rOprNGfwEbeRWgbNEkqO")
    assert made.begin() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert made.respond(FIRST_256).endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    made.respond(FINAL_256)
    assert made.is_proven


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"r=other,s=QSXCR+Q6sek8bf92,i=4096",
        b"r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096",
        b"r=fyko+d2lbbFgONRv9qkxdawL3,s=,i=4096",
        b"r=fyko+d2lbbFgONRv9qkxdawL3,s=%%%,i=4096",
        b"r=fyko+d2lbbFgONRv9qkxdawL3,s=QSXCR+Q6sek8bf92,i=1",
        b"r=fyko+d2lbbFgONRv9qkxdawL3,s=QSXCR+Q6sek8bf92,i=99999999",
        b"r=fyko+d2lbbFgONRv9qkxdawL3,s=QSXCR+Q6sek8bf92,i=many",
        b"m=x,r=fyko+d2lbbFgONRv9qkxdawL3,s=QSXCR+Q6sek8bf92,i=4096",
    ],
)
def test_scram_gives_no_proof_to_a_server_that_cheats(challenge: bytes) -> None:
    with pytest.raises(SaslFault):
        scram().respond(challenge)


@pytest.mark.parametrize("final", [b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", b"e=other-error", b"", b"v=%"])
def test_scram_is_not_proven_by_another_signature(final: bytes) -> None:
    made = scram()
    made.respond(FIRST_1)
    with pytest.raises(SaslFault):
        made.respond(final)
    assert not made.is_proven


def test_scram_prepares_names_and_passwords() -> None:
    assert Scram("sha1", ("a,b=c", "x"), lambda: "n").begin() == b"n,,n=a=2Cb=3Dc,r=n"
    assert Scram("sha1", ("I\u00adX\u2168", "x"), lambda: "n").begin() == b"n,,n=IXIX,r=n"
