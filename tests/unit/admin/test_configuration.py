"""The whole configuration: check, show and the reference page."""

import json
from pathlib import Path

import pytest

from services.admin.configuration import SECTIONS, check, masked, reference
from tests.unit.admin.conftest import Malle

ROOT = Path(__file__).resolve().parents[3]


def test_example_is_good() -> None:
    assert check(ROOT / "config/malleposte.yaml") == []


def test_reference_page_is_what_the_schemas_say() -> None:
    assert (ROOT / "config/reference.md").read_text() == reference(), "make it again with: malle config reference > config/reference.md"


def test_every_setting_is_explained() -> None:
    assert [line for line in reference().splitlines() if line.startswith("- **") and line.endswith("): ")] == []


def test_every_service_has_its_section() -> None:
    programs = {path.parent.name for path in (ROOT / "services").glob("*/config.py")}
    assert programs <= set(SECTIONS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("sight: {}\n", "malleposte.yaml:1 sight: no such section"),
        ("site:\n  hostname: a\n  nam: b\n", "malleposte.yaml:3 site.nam: 'b': Extra inputs are not permitted"),
        ("site:\n  message_size_limit: 5\n", "malleposte.yaml:2 site.message_size_limit: 5: Input should be greater than or equal to 1024"),
        ("directory:\n  wait_seconds: soon\n", "malleposte.yaml:2 directory.wait_seconds: 'soon': Input should be a valid number"),
        ("routing:\n  relayhost: '[x'\n", "malleposte.yaml:1 routing: routing.relayhost: bad next hop '[x'"),
        ("routing:\n  transport_maps: ['nosuch:x']\n", "malleposte.yaml:1 routing: table 'nosuch:x': no such type"),
        ("routing:\n  transport_maps: ['hash:bad']\n", "bad:2: no value for 'lonely'"),
        ("routing:\n  virtual_alias_maps: ['hash:gone']\n", "gone: No such file or directory"),
        ("routing:\n  transport_maps: ['hash:transport']\n", "transport:2: transport of b.test: there is no transport 'slow' here"),
        ("routing:\n  transport_maps: ['inline:{b.test=mbox:lists}']\n  mboxes: [other]\n", "b.test: there is no mbox 'lists' in routing.mboxes"),
        ("routing:\n  mboxes: ['../x']\n", "malleposte.yaml:2 routing.mboxes: Value error, '../x' is no name of an mbox"),
        ("routing:\n  sender_dependent_default_transport_maps: ['hash:transport']\n", "transport:2: transport of b.test: there is no"),
        ("routing:\n  sender_dependent_relayhost_maps: ['hash:relayhost']\n", "relayhost:2: relayhost of b@b.test: bad next hop '[relay.test'"),
        ("routing:\n  alias_maps: ['hash:aliases']\n", "aliases:2: expected format: name: target, target"),
        ("routing:\n  recipient_bcc_maps: ['hash:gone']\n", "gone: No such file or directory"),
        ("routing:\n  default_transport: slow\n", "malleposte.yaml:1 routing: routing.default_transport: there is no transport 'slow' here"),
        ("smtpd:\n  mx:\n    reject_unverified_sender: ['nosuch:x']\n", "malleposte.yaml:3 smtpd.mx.reject_unverified_sender: table 'nosuch:x'"),
        ("routing:\n  transports:\n    say: {program: pipe, argv: [x, '$y']}\n", "malleposte.yaml:3 routing.transports.say: argv: there is no macro"),
        ("routing:\n  transports:\n    say: {program: pipe, argv: [x], user: root}\n", "malleposte.yaml:3 routing.transports.say: user root: no"),
        ("qmgr: {}\nsite: {}\nqmgr: {}\n", "malleposte.yaml:3 qmgr: is in line 1 already; put both together there"),
        ("site:\n  name: a\n  name: b\n", "malleposte.yaml:3 site.name: is in line 2 already"),
        ("- a list\n", "malleposte.yaml:1: a mapping of sections is expected"),
        ("{", "malleposte.yaml: while parsing"),
    ],
)
def test_fault_is_told_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "malleposte.yaml").write_text(text)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/bad").write_text("# comment\nlonely\n")
    (tmp_path / "tables/transport").write_text("a.test smtp:[mx.test]\nb.test slow:\n")
    (tmp_path / "tables/relayhost").write_text("a@b.test DUNNO\nb@b.test [relay.test\n")
    (tmp_path / "tables/aliases").write_text("root:x@y.test\nno alias at all\n")
    (found,) = check(tmp_path / "malleposte.yaml")
    assert fault in found


def test_check_tells_every_fault_and_fails(malle: Malle, folder: Path) -> None:
    assert malle("config", "check").status == 0
    (folder / "malleposte.yaml").write_text("a: 1\nsite: {x: 1}\nqmgr: {y: 2}\n")
    done = malle("config", "check")
    assert done.status == 1
    assert [line.split()[1] for line in done.err.splitlines()] == ["a:", "site.x:", "qmgr.y:"]


def test_show_prints_what_is_set_or_everything(malle: Malle) -> None:
    assert json.loads(malle("config", "show", "--json").out)["site"] == {
        "hostname": "mail.example.test",
        "postmaster": "Postmaster@example.test",
    }
    everything = malle("config", "show", "--defaults").out
    assert "recipient_delimiter: +" in everything
    assert all(f"{name}:\n" in everything for name in SECTIONS)


def test_show_prints_no_password(malle: Malle, folder: Path) -> None:
    settings = folder / "malleposte.yaml"
    settings.write_text(
        settings.read_text()
        + """
relay: {sasl: {password_maps: ['inline:{ [mx.test]=user:hidden }', 'hash:sasl_passwd', 'unionmap:{static:{u:hidden}, hash:x}', 'static:u:hidden']}}
routing: {transports: {out: {sasl: {password_maps: ['INLINE:{a=b:hidden}']}}}, virtual_alias_maps: ['inline:{ a@b.test=c@d.test }']}
"""
    )
    for words in (("config", "show"), ("config", "show", "--json"), ("config", "show", "--defaults")):
        done = malle(*words)
        assert done.status == 0, done.err
        assert "hidden" not in done.out
        assert "inline:*****" in done.out
        assert "hash:sasl_passwd" in done.out
        assert "a@b.test=c@d.test" in done.out


def test_address_of_a_database_is_shown_without_its_password() -> None:
    url = "postgresql+psycopg://malleposte:hidden@database:5432/malleposte"
    assert masked({"directory": {"url": url}}) == {"directory": {"url": "postgresql+psycopg://malleposte:*****@database:5432/malleposte"}}


def test_reference_is_printed(malle: Malle) -> None:
    assert malle("config", "reference").out == reference()
