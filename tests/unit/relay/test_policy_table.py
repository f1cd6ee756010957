"""Entries of TLS policy tables, and the keys that they are found by."""

import pytest

from services.kernel.smtp.tls import TlsLevel
from services.kernel.tables.lookup import Found
from services.kernel.wire.delivery import Server
from services.relay.policy_table import Entry, PolicyTrouble, keys, parse

PRINT = "AB:" * 31 + "CD"


def entry(value: str) -> Entry:
    return parse(Found(value, "tls_policy", 7))


@pytest.mark.parametrize(
    ("server", "asked"),
    [
        (Server("mail.d.test"), ["mail.d.test", ".d.test", ".test"]),
        (Server("Mail.D.test"), ["mail.d.test", ".d.test", ".test"]),
        (Server("d.test", 587), ["d.test:587"]),
        (Server("h.d.test", is_literal=True), ["[h.d.test]"]),
        (Server("h.d.test", 465, is_literal=True), ["[h.d.test]:465"]),
        (Server("/run/lmtp/dovecot"), ["/run/lmtp/dovecot"]),
    ],
)
def test_policy_is_looked_up_by_the_next_hop_as_written_and_the_parents_of_a_domain(server: Server, asked: list[str]) -> None:
    assert list(keys(server)) == asked


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("none", Entry(TlsLevel.NONE, "tls_policy:7")),
        ("none protocols=nonsense", Entry(TlsLevel.NONE, "tls_policy:7")),
        ("MAY", Entry(TlsLevel.MAY, "tls_policy:7")),
        ("encrypt protocols=TLSv1.3 ciphers=high", Entry(TlsLevel.ENCRYPT, "tls_policy:7", versions=("TLSv1.3",), grade="high")),
        ("secure match=d.test:.d.test", Entry(TlsLevel.SECURE, "tls_policy:7", match=("d.test", ".d.test"))),
        ("verify match=hostname match=other.test", Entry(TlsLevel.VERIFY, "tls_policy:7", match=("hostname", "other.test"))),
        ("secure, tafile=/a.pem, tafile=/b.pem", Entry(TlsLevel.SECURE, "tls_policy:7", tafiles=("/a.pem", "/b.pem"))),
        (f"fingerprint match={PRINT.lower()}|{PRINT.replace(':', '')}", Entry(TlsLevel.FINGERPRINT, "tls_policy:7", match=(PRINT, PRINT))),
        ("may exclude=aNULL:MD5 servername=sni.test", Entry(TlsLevel.MAY, "tls_policy:7", exclude=("aNULL", "MD5"), servername="sni.test")),
        ("dane connection_reuse=no", Entry(TlsLevel.DANE, "tls_policy:7", connection_reuse=False)),
        ("encrypt {protocols = !SSLv2 !SSLv3 >=TLSv1.2}", Entry(TlsLevel.ENCRYPT, "tls_policy:7", versions=("TLSv1.2", "TLSv1.3"))),
    ],
)
def test_entry_is_read(value: str, expected: Entry) -> None:
    assert entry(value) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("maybe", "'maybe' is no TLS security level"),
        ("may match=d.test", "'match' means nothing at the level may"),
        ("fingerprint tafile=/a.pem", "'tafile' means nothing at the level fingerprint"),
        ("secure matches=d.test", "there is no attribute 'matches'"),
        ("secure match=", "'match=' is no attribute with a value"),
        ("secure servername=a servername=b", "'servername' is there twice"),
        ("encrypt protocols=TLSv9", "'TLSv9' is no version of TLS"),
        ("encrypt protocols=>=TLSv1.3:<=TLSv1.2", "no version of TLS is left"),
        ("encrypt ciphers=best", "'best' is no cipher grade"),
        ("fingerprint match=d.test", "'d.test' is no fingerprint"),
        ("may connection_reuse=maybe", "connection_reuse is yes or no"),
    ],
)
def test_bad_entry_is_trouble_that_names_file_and_line(value: str, words: str) -> None:
    with pytest.raises(PolicyTrouble, match=r"^tls_policy:7: ") as caught:
        entry(value)
    assert words in str(caught.value)
