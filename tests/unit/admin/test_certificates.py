"""The private CA and its certificate."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from services.admin.certificates import Wish, ensure

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
WISH = Wish(("mail.example.test", "imap.example.test"), 825 * DAY, 30 * DAY)


def leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())


def test_client_that_trusts_the_ca_accepts_the_server(tmp_path: Path) -> None:
    ensure(tmp_path, Wish(WISH.names, 825 * DAY, 30 * DAY), datetime.datetime.now(datetime.UTC))
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=tmp_path / "ca.pem")
    server.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    ends = [ssl.MemoryBIO() for _ in range(4)]
    at_client = client.wrap_bio(ends[0], ends[1], server_hostname="imap.example.test")
    at_server = server.wrap_bio(ends[2], ends[3], server_side=True)
    waiting = [at_client, at_server]
    for _ in range(10):
        for session in list(waiting):
            try:
                session.do_handshake()
                waiting.remove(session)
            except ssl.SSLWantReadError:
                pass
        ends[2].write(ends[1].read())
        ends[0].write(ends[3].read())
    assert waiting == []
    assert at_client.version() == "TLSv1.3"


def test_only_the_group_reads_the_key_and_nobody_the_key_of_the_ca(tmp_path: Path) -> None:
    ensure(tmp_path, WISH, NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "cert.pem": 0o644, "key.pem": 0o640}


def test_good_certificate_is_left_alone(tmp_path: Path) -> None:
    assert ensure(tmp_path, WISH, NOW) == ["ca-key.pem", "ca.pem", "key.pem", "cert.pem"]
    assert ensure(tmp_path, WISH, NOW + 700 * DAY) == []


def test_certificate_near_its_end_is_made_anew_by_the_same_ca(tmp_path: Path) -> None:
    ensure(tmp_path, WISH, NOW)
    ca = (tmp_path / "ca.pem").read_bytes()
    assert ensure(tmp_path, WISH, NOW + 796 * DAY) == ["key.pem", "cert.pem"]
    assert (tmp_path / "ca.pem").read_bytes() == ca
    assert leaf(tmp_path).not_valid_after_utc == NOW + (796 + 825) * DAY


def test_certificate_with_other_names_is_made_anew(tmp_path: Path) -> None:
    ensure(tmp_path, WISH, NOW)
    assert ensure(tmp_path, Wish(("new.example.test",), WISH.life, WISH.reserve), NOW) == ["key.pem", "cert.pem"]
    names = leaf(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["new.example.test"]


@pytest.mark.parametrize("damaged", ["key.pem", "cert.pem"])
def test_damaged_pair_is_made_anew(tmp_path: Path, damaged: str) -> None:
    ensure(tmp_path, WISH, NOW)
    (tmp_path / damaged).write_text("not PEM")
    assert ensure(tmp_path, WISH, NOW) == ["key.pem", "cert.pem"]


def test_certificate_given_by_the_operator_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("given")
    assert ensure(tmp_path, WISH, NOW) == []
    assert [path.name for path in tmp_path.iterdir()] == ["cert.pem"]
