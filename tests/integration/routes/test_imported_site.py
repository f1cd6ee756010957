"""A Postfix site imported and driven: mail leaves as its main.cf and master.cf say."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import SENDERS, USERS, Sent

MAIN = """\
myhostname = mail.example.test
mydestination =
relayhost = [postfix.test]:587
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/imported_passwd
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = encrypt
sender_dependent_default_transport_maps = inline:{{ {bob}=second: }}
"""
MASTER = """\
smtp      inet  n - y - - smtpd
smtp      unix  - - y - - smtp -o smtp_helo_name=first.example.test
second    unix  - - y - - smtp
  -o smtp_bind_address={network}.21 -o {{ smtp_helo_name = second.example.test }}
  -o smtp_sasl_password_maps=hash:/etc/postfix/second_passwd
"""


@pytest.fixture(scope="module")
def imported(routes: Site, routes_folder: Path) -> Iterator[dict[str, Any]]:
    """The imported sections instead of the site's own, until the tests are done."""
    config = routes_folder / "config"
    source = config / "postfix"
    source.mkdir()
    (source / "main.cf").write_text(MAIN.format(bob=SENDERS[1]))
    (source / "master.cf").write_text(MASTER.format(network=(routes_folder / "network").read_text()))
    (source / "imported_passwd").write_text(f"[postfix.test]:587 alice:{USERS['alice']}\n")
    (source / "second_passwd").write_text(f"[postfix.test]:587 bob:{USERS['bob']}\n")
    routes.malle("import", "postfix", "/etc/malleposte/postfix", "--out", "/tmp/imported", "--strict")
    sections = yaml.safe_load(routes.project.check("admin", "cat", "/tmp/imported/malleposte.yaml"))
    before = (config / "malleposte.yaml").read_text()
    for name in ("imported_passwd", "second_passwd"):
        (config / "tables" / name).write_text((source / name).read_text())
    lab = yaml.safe_load(before)
    sections["relay"] = {key: lab["relay"][key] for key in ("name_servers",) if key in lab.get("relay", {})} | sections["relay"]
    sections["relay"]["tls"]["ca_file"] = "/etc/malleposte/lab/ca.pem"
    _use(routes, config, yaml.safe_dump(lab | sections))
    yield sections
    _use(routes, config, before)


def _use(site: Site, config: Path, text: str) -> None:
    (config / "malleposte.yaml").write_text(text)
    for service in ("relay", "qmgr"):
        _reload(site, service)


def _reload(site: Site, service: str) -> None:
    known = len(site.events.matching(kind="reloaded", service=service))
    site.project.container(service).kill(signal="SIGHUP")
    site.events.wait_until(lambda: len(site.events.matching(kind="reloaded", service=service)) > known, f"{service} did not reload", 30)


@pytest.mark.parametrize(("sender", "helo", "login", "last"), [(SENDERS[0], "first", "alice", ".20"), (SENDERS[1], "second", "bob", ".21")])
def test_mail_leaves_by_the_transport_address_name_and_login_of_its_sender(
    imported: dict[str, Any], sent: Callable[..., Sent], taken: Callable[..., Event], sender: str, helo: str, login: str, last: str
) -> None:
    message = sent("anyone@nowhere-else.example", sender=sender)
    assert message.kind == "delivered", message.reply
    event = taken("postfix", message)
    assert (event["helo"], event["sasl_username"]) == (f"{helo}.example.test", login)
    assert event["client"].endswith(last)
    assert imported["routing"]["relayhost"] == "[postfix.test]:587"
