"""``malle import postfix``: what it writes, where, and its exit status."""

from pathlib import Path

import pytest
import yaml

from tests.unit.admin.conftest import Finished, Malle


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "postfix"
    folder.mkdir()
    return folder


def _bring(malle: Malle, source: Path, main: str, *options: str, master: str = "") -> Finished:
    (source / "main.cf").write_text(main)
    if master:
        (source / "master.cf").write_text(master)
    return malle("import", "postfix", str(source), "--out", str(source.parent / "new"), *options)


def test_translated_and_not_needed_alone_are_status_0_even_when_strict(malle: Malle, source: Path) -> None:
    done = _bring(malle, source, "relayhost = [relay.example]\nbiff = no\n", "--strict")
    assert (done.status, done.err) == (0, "")
    assert "  main.cf:1 relayhost: routing.relayhost\n" in done.out


def test_unsupported_is_status_3_when_strict_and_0_otherwise(malle: Malle, source: Path) -> None:
    main = "smtpd_milters = inet:localhost:11332\n"
    assert _bring(malle, source, main).status == 0
    assert _bring(malle, source, main, "--strict", "--force").status == 3


def test_misspelt_parameter_is_status_3_when_strict(malle: Malle, source: Path) -> None:
    assert _bring(malle, source, "relayhots = [relay.example]\n", "--strict").status == 3


def test_unsupported_parameter_at_its_default_is_not_needed(malle: Malle, source: Path) -> None:
    assert _bring(malle, source, "smtpd_milters =\nheader_checks =\nsoft_bounce = no\n", "--strict").status == 0


@pytest.mark.parametrize(
    ("main", "master", "place"),
    [
        ("relayhost\n", "", "main.cf:1"),
        ("a = b\nrelayhost = ${a\n", "", "main.cf:2"),
        ("a = $b\nb = $a\nmyhostname = $a.example\n", "", "main.cf"),
        ("a = b\n", "smtp inet n\n", "master.cf:1"),
        ("a = b\n", "smtp unix - - n - - smtp -o { a = b\n", "master.cf:1"),
    ],
)
def test_file_that_cannot_be_read_is_status_1_with_its_place_and_nothing_is_written(
    malle: Malle, source: Path, main: str, master: str, place: str
) -> None:
    done = _bring(malle, source, main, master=master)
    assert done.status == 1
    assert place in done.err
    assert not (source.parent / "new").exists()


def test_folder_without_main_cf_is_status_1(malle: Malle, tmp_path: Path) -> None:
    done = malle("import", "postfix", str(tmp_path / "nowhere"), "--out", str(tmp_path / "new"))
    assert done.status == 1
    assert "no such file" in done.err


def test_files_that_are_there_stay_unless_forced(malle: Malle, source: Path) -> None:
    assert _bring(malle, source, "relayhost = [one.example]\n").status == 0
    refused = _bring(malle, source, "relayhost = [two.example]\n")
    written = source.parent / "new/malleposte.yaml"
    assert refused.status == 1
    assert "is there already" in refused.err
    assert "one.example" in written.read_text()
    assert _bring(malle, source, "relayhost = [two.example]\n", "--force").status == 0
    assert "two.example" in written.read_text()


def test_value_that_our_schema_refuses_is_not_supported_and_not_written(malle: Malle, source: Path) -> None:
    done = _bring(malle, source, "smtpd_recipient_limit = 5\nsmtp_bind_address = nowhere\nbounce_size_limit = lots\n")
    assert done.status == 0
    assert "main.cf:1 smtpd_recipient_limit: smtpd.mx.recipient_limit cannot be this: Input should be greater than or equal to 100" in done.out
    assert "main.cf:2 smtp_bind_address: routing.transports.smtp.bind_address cannot be this" in done.out
    assert "main.cf:3 bounce_size_limit: 'lots' is no number" in done.out


def test_table_is_found_by_the_end_of_its_path_and_two_of_one_name_are_kept_apart(malle: Malle, source: Path) -> None:
    for name in ("maps/virtual", "more/virtual"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(f"{name.replace('/', '.')}@a.example x@b.example\n")
    done = _bring(malle, source, "virtual_alias_maps = hash:/etc/postfix/maps/virtual, btree:${config_directory}/more/virtual\n")
    assert done.status == 0
    tables = source.parent / "new/tables"
    assert {path.name for path in tables.iterdir()} == {"virtual", "more-virtual"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("hash:/etc/postfix/missing", "put it into the imported folder as postfix/missing"),
        ("hash:/etc/postfix/compiled", "only what postmap made of it is here"),
        ("ldap:/etc/postfix/ldap.cf", "there are no tables of type ldap"),
        ("hash:../../secret", "is not here"),
    ],
)
def test_table_that_cannot_be_had_says_why(malle: Malle, source: Path, value: str, why: str) -> None:
    (source / "compiled.db").write_bytes(b"\0")
    (source.parent / "secret").write_text("a b\n")
    done = _bring(malle, source, f"transport_maps = {value}\n", "--strict")
    assert done.status == 3
    assert why in done.out


def test_table_with_a_fault_is_status_1_with_its_line(malle: Malle, source: Path) -> None:
    (source / "transport").write_text("good.example smtp:[relay.example]\nbad.example\n")
    done = _bring(malle, source, "transport_maps = hash:/etc/postfix/transport\n")
    assert done.status == 1
    assert "transport:2" in done.err


def test_tables_in_other_tables_come_along_and_patterns_in_place_stay(malle: Malle, source: Path) -> None:
    (source / "one").write_text("a.example x\n")
    (source / "two").write_text("b.example x\n")
    main = "transport_maps = unionmap:{hash:/etc/postfix/one, proxy:btree:/etc/postfix/two}, regexp:{ {/^x/ smtp:[relay.example]} }\n"
    assert _bring(malle, source, main, "--strict").status == 0
    written = yaml.safe_load((source.parent / "new/malleposte.yaml").read_text())
    first, second = written["routing"]["transport_maps"]
    assert first in ("unionmap:{hash:one, btree:two}", "unionmap:{hash:one, hash:two}")
    assert second == "regexp:{ {/^x/ smtp:[relay.example]} }"


def test_pipe_entry_keeps_its_attributes(malle: Malle, source: Path) -> None:
    master = "cmd unix - n n - - pipe flags=q user=list directory=/srv null_sender= eol=\\r\\012 argv=/bin/post ${recipient} { two words }\n"
    assert _bring(malle, source, "cmd_time_limit = 5m\n", "--strict", master=master).status == 0
    written = yaml.safe_load((source.parent / "new/malleposte.yaml").read_text())
    assert written["routing"]["transports"]["cmd"] == {
        "time_limit_seconds": 300,
        "program": "pipe",
        "flags": "q",
        "user": "list",
        "directory": "/srv",
        "null_sender": "",
        "eol": "\r\n",
        "argv": ["/bin/post", "${recipient}", "two words"],
    }


def test_passwords_are_not_in_the_report(malle: Malle, source: Path) -> None:
    done = _bring(malle, source, "smtp_sasl_password_maps = inline:{ {[relay.example] = joe:s3cret} }\n", "--json")
    assert done.status == 0
    assert "s3cret" not in done.out + done.err


LMTP = """
virtual_mailbox_domains = example.com
virtual_mailbox_maps = hash:/etc/postfix/vmailbox
virtual_transport = lmtp:inet:dovecot.example.com:24
lmtp_tls_security_level = encrypt
lmtp_destination_concurrency_limit = 7
smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
"""


def test_mailboxes_of_another_program_stay_there(malle: Malle, source: Path) -> None:
    (source / "vmailbox").write_text("jane@example.com x\n")
    assert _bring(malle, source, LMTP, "--strict").status == 0
    written = yaml.safe_load((source.parent / "new/malleposte.yaml").read_text())
    assert written["routing"]["mailbox_transport"] == "lmtp:inet:dovecot.example.com:24"
    assert written["routing"]["virtual_mailbox_maps"] == ["hash:vmailbox"]
    assert written["routing"]["transports"]["lmtp"] == {"tls": {"level": "encrypt"}, "program": "lmtp", "destination_concurrency_limit": 7}
    assert written["relay"] == {"tls": {"level": "dane"}, "dns_support_level": "dnssec"}


def test_certificate_for_servers_comes_along(malle: Malle, source: Path) -> None:
    (source / "client.pem").write_text("certificate\n")
    done = _bring(malle, source, "smtp_tls_cert_file = /etc/postfix/client.pem\nsmtp_tls_key_file = /etc/postfix/none.pem\n")
    assert done.status == 0
    written = yaml.safe_load((source.parent / "new/malleposte.yaml").read_text())
    assert written["relay"]["tls"] == {"certificate_file": "/etc/malleposte/tables/client.pem"}
    assert "none.pem is not here" in done.out
