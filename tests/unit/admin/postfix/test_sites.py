"""Three sites as the well-known guides set them up, each imported by the command."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.admin.configuration import check
from tests.unit.admin.conftest import Malle

SITES = Path(__file__).parent / "sites"
NAMES = ("null-client", "virtual-dovecot", "two-providers")


@dataclass(frozen=True)
class Imported:
    folder: Path
    config: dict[str, Any]
    findings: dict[str, tuple[str, str]]
    """``main.cf:3 myorigin`` -> verdict and text."""
    report: dict[str, Any]


@pytest.fixture
def bring(malle: Malle, tmp_path: Path) -> Any:
    def run(name: str) -> Imported:
        target = tmp_path / "new"
        done = malle("import", "postfix", str(SITES / name), "--out", str(target), "--json")
        assert (done.status, done.err) == (0, "")
        report = json.loads(done.out)
        findings = {f"{found['file']}:{found['line']} {found['name']}": (found["verdict"], found["text"]) for found in report["findings"]}
        return Imported(target, yaml.safe_load((target / "malleposte.yaml").read_text()), findings, report)

    return run


@pytest.mark.parametrize("name", NAMES)
def test_result_is_a_good_configuration(bring: Any, name: str) -> None:
    imported = bring(name)
    assert check(imported.folder / "malleposte.yaml") == []
    assert imported.report["faults"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_configuration_is_in_the_report(bring: Any, name: str) -> None:
    imported = bring(name)
    found = {(found["file"], found["line"]) for found in imported.report["findings"]}
    for file in ("main.cf", "master.cf"):
        path = SITES / name / file
        lines = path.read_text().splitlines() if path.exists() else []
        begins = [number for number, line in enumerate(lines, 1) if line.strip() and not line[0].isspace() and not line.startswith("#")]
        assert [number for number in begins if (file, number) not in found] == []


def test_null_client_sends_all_to_its_smarthost_with_a_login(bring: Any) -> None:
    site = bring("null-client")
    assert site.config["routing"]["relayhost"] == "[smtp.provider.example]:587"
    assert site.config["relay"]["sasl"]["password_maps"] == ["hash:sasl_passwd"]
    assert site.config["relay"]["tls"] == {"level": "encrypt"}
    assert site.config["routing"]["mydestination"] == ["!nas.home.example.org"]
    assert site.config["routing"]["local_transport"] == "error:local delivery is disabled"
    assert site.config["routing"]["myorigin"] == "example.org"
    assert site.config["site"] == {"hostname": "nas.home.example.org", "recipient_delimiter": ""}
    assert "correct horse" in (site.folder / "tables/sasl_passwd").read_text()
    assert any("tables/sasl_passwd: passwords" in note for note in site.report["by_hand"])


def test_generic_table_is_for_smtp_and_not_for_mailboxes(bring: Any) -> None:
    transports = bring("null-client").config["routing"]["transports"]
    assert transports["smtp"]["generic_maps"] == transports["relay"]["generic_maps"] == ["hash:generic"]
    assert "lmtp" not in transports


def test_virtual_site_brings_its_tables_and_lists_its_domains_and_mailboxes(bring: Any) -> None:
    site = bring("virtual-dovecot")
    routing = site.config["routing"]
    assert routing["virtual_alias_maps"] == ["hash:virtual", "pcre:virtual-pcre"]
    assert routing["relay_domains"] == ["internal.example.com", "hash:relay_domains"]
    assert routing["transport_maps"] == ["hash:transport"]
    assert routing["virtual_mailbox_domains"] == ["example.com", "example.net"]
    assert routing["virtual_alias_domains"] == ["example.info"]
    assert routing["myorigin"] == "example.com"
    assert (site.folder / "tables/transport").read_text() == (SITES / "virtual-dovecot/transport").read_text()
    directory = yaml.safe_load((site.folder / "directory.yaml").read_text())
    assert [domain["name"] for domain in directory["domains"]] == ["mail.example.com", "example.com", "example.net"]
    assert [account["address"] for account in directory["accounts"]] == ["jane@example.com", "kim@example.net"]


def test_times_have_the_unit_that_postfix_gives_them(bring: Any) -> None:
    qmgr = bring("virtual-dovecot").config["qmgr"]
    assert (qmgr["lifetime_seconds"], qmgr["bounce_lifetime_seconds"]) == (3 * 86_400, 86_400)
    assert (qmgr["delay_warning_seconds"], qmgr["minimal_backoff_seconds"]) == (4 * 3600, 600)


def test_entries_of_master_are_roles_transports_or_done_here(bring: Any) -> None:
    site = bring("virtual-dovecot")
    lists = site.config["routing"]["transports"]["lists"]
    assert lists == {
        "program": "pipe",
        "flags": "FR",
        "user": "list:list",
        "size_limit": 1_000_000,
        "destination_concurrency_limit": 2,
        "argv": ["/usr/lib/lists/post", "-f", "${sender}", "--", "${recipient}"],
    }
    assert site.config["smtpd"]["mx"]["recipient_limit"] == 200
    assert site.config["smtpd"]["submission"]["recipient_limit"] == 150
    assert site.findings["master.cf:26 maildrop/unix"] == ("not needed", "no table or setting here sends mail to it")
    assert site.findings["master.cf:31 127.0.0.1:10025/inet"][0] == "not supported"


def test_what_cannot_be_had_is_named_with_its_line(bring: Any) -> None:
    found = bring("virtual-dovecot").findings
    assert found["main.cf:60 smtpd_milters"] == ("not supported", "no milters")
    assert found["main.cf:54 smtpd_recipient_restrictions: reject_rbl_client zen.spamhaus.org"] == ("not supported", "no DNS block lists")
    assert found["main.cf:6 mynetworks"][0] == "not supported"
    assert found["main.cf:71 smptd_banner"][0] == "unknown"
    assert found["main.cf:23 virtual_transport"][0] == "not supported"


def test_two_transports_have_their_own_address_name_limit_and_tls(bring: Any) -> None:
    site = bring("two-providers")
    transports = site.config["routing"]["transports"]
    assert transports["first"] == {
        "destination_concurrency_limit": 2,
        "program": "smtp",
        "bind_address": "192.0.2.11",
        "helo_name": "first.example.org",
    }
    assert transports["second"]["bind_address"] == "192.0.2.12"
    assert transports["second"]["destination_rate_delay_seconds"] == 1
    assert transports["second"]["tls"] == {"level": "secure"}
    assert site.config["relay"]["tls"]["level"] == "encrypt"
    assert site.config["routing"]["sender_dependent_relayhost_maps"] == ["lmdb:relayhost"]
    assert site.config["routing"]["sender_dependent_default_transport_maps"] == ["regexp:sender_transport"]
    assert site.config["routing"]["sender_canonical_classes"] == ["envelope_sender"]
    assert site.findings["main.cf:18 force_tls"][0] == "not needed"


def test_verification_keeps_its_numbers_and_whom_it_is_for(bring: Any) -> None:
    config = bring("virtual-dovecot").config
    assert config["smtpd"]["mx"]["reject_unverified_recipient"] == ["*"]
    assert config["verify"]["address_verify_positive_expire_time"] == "14d"


def test_second_port_is_listened_on_beside_the_usual_one(bring: Any) -> None:
    assert bring("two-providers").config["smtpd"]["mx"]["listen"] == [":25", ":2525"]
