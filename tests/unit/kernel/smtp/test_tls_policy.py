"""Words of operators about TLS."""

import pytest

from services.kernel.smtp.certificates import NotVerified, Standing, judge, matches_name
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy, cipher_list, normal_fingerprint, parse_protocols
from tests.unit.kernel.smtp.certificates import NOW, unreadable


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        (">=TLSv1.2", ("TLSv1.2", "TLSv1.3")),
        (">=TLSv1, <=TLSv1.2", ("TLSv1", "TLSv1.1", "TLSv1.2")),
        ("!SSLv2 !SSLv3 !TLSv1 !TLSv1.1", ("TLSv1.2", "TLSv1.3")),
        ("TLSv1.3", ("TLSv1.3",)),
        ("tlsv1.0:TLSV1.3", ("TLSv1", "TLSv1.3")),
        ("", ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    ],
)
def test_protocols_are_read(text: str, versions: tuple[str, ...]) -> None:
    assert parse_protocols(text) == versions


@pytest.mark.parametrize("text", ["SSLv3", "!TLSv1.4", ">=", ">=TLSv1.3 <=TLSv1.1"])
def test_protocols_that_leave_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="version of TLS"):
        parse_protocols(text)


def test_ciphers_are_openssl_words() -> None:
    assert cipher_list("high", ("RC4", "aDSS")) == "HIGH:!aNULL:!RC4:!aDSS"


@pytest.mark.parametrize("text", ["ab" * 20, ":".join(["AB"] * 20)])
def test_fingerprint_may_have_colons(text: str) -> None:
    assert normal_fingerprint(text) == ":".join(["AB"] * 20)


@pytest.mark.parametrize(
    ("presented", "wanted", "is_match"),
    [
        ("mx.d.test", "mx.d.test", True),
        ("MX.d.test.", "mx.D.test", True),
        ("*.d.test", "mx.d.test", True),
        ("*.d.test", "a.mx.d.test", False),
        ("*.d.test", "d.test", False),
        ("m*.d.test", "mx.d.test", False),
        ("*.test", "d.test", False),
        ("*", "d.test", False),
        ("mx.d.test", ".d.test", True),
        ("a.b.d.test", ".d.test", True),
        ("*.d.test", ".d.test", True),
        ("d.test", ".d.test", False),
        ("evild.test", ".d.test", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_names_match_by_label(presented: str, wanted: str, is_match: bool) -> None:
    assert matches_name(presented, wanted) is is_match


@pytest.mark.parametrize("number", [0, 1], ids=["an extension twice", "no version"])
def test_certificate_that_cannot_be_read_proves_nothing_and_breaks_nothing(number: int) -> None:
    shown = unreadable("mx.test")[number]
    with pytest.raises(NotVerified):
        judge(TlsPolicy(TlsLevel.SECURE, names=("mx.test",)), [shown], NOW)
    assert judge(TlsPolicy(), [shown], NOW, [unreadable("ca.test")[number]]) is Standing.UNTRUSTED
