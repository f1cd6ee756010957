"""Configurations of Postfix, imported in the admin container and asked with its own commands."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from malleposte_lab.site import Site
from tests.integration.conftest import ROOT

SITES = ROOT / "tests/unit/admin/postfix/sites"
NAMES = ("null-client", "virtual-dovecot", "two-providers")


@pytest.fixture(scope="module")
def sources(config: Path) -> Path:
    """Where the admin container sees the folders of Postfix."""
    shutil.copytree(SITES, config / "postfix", dirs_exist_ok=True)
    return Path("/etc/malleposte/postfix")


@pytest.fixture(scope="module")
def reports(site: Site, sources: Path) -> dict[str, Any]:
    """Each folder imported to /tmp in the container; the reports."""
    words = ("import", "postfix", "--force", "--json")
    return {name: json.loads(site.malle(*words, str(sources / name), "--out", f"/tmp/{name}")) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_imported_configuration_is_good(site: Site, reports: dict[str, Any], name: str) -> None:
    assert reports[name]["faults"] == []
    assert "is good" in site.malle("--config", f"/tmp/{name}/malleposte.yaml", "config", "check")


def test_strict_tells_scripts_that_something_is_not_supported(site: Site, sources: Path) -> None:
    words = ("import", "postfix", str(sources / "virtual-dovecot"), "--out", "/tmp/strict", "--force")
    assert site.try_malle(*words, "--strict").status == 3
    assert site.try_malle(*words).status == 0


def test_read_only_target_is_told(site: Site, sources: Path) -> None:
    refused = site.try_malle("import", "postfix", str(sources / "null-client"), "--out", "/etc/malleposte/new")
    assert refused.status == 1
    assert "Read-only" in refused.err.decode()


@pytest.mark.usefixtures("reports")
def test_imported_tables_answer(site: Site) -> None:
    config = ("--config", "/tmp/two-providers/malleposte.yaml")
    assert site.malle(*config, "map", "query", "lmdb:relayhost", "@second.example.org") == "[smtp.second.example]:465"
    assert site.malle(*config, "map", "query", "regexp:sender_transport", "kim@second.example.org") == "second:"


@pytest.mark.parametrize(
    ("name", "sender", "recipient", "way"),
    [
        ("two-providers", "jane@example.org", "you@world.test", "first:[smtp.first.example]:587"),
        ("two-providers", "kim@second.example.org", "you@world.test", "second:[smtp.second.example]:465"),
        ("null-client", "root@nas.home.example.org", "jane@example.org", "smtp:[smtp.provider.example]:587"),
        ("virtual-dovecot", "you@world.test", "boss@internal.example.com", "relay:[10.1.0.25]"),
    ],
)
@pytest.mark.usefixtures("reports")
def test_mail_goes_the_way_that_postfix_would_send_it(site: Site, name: str, sender: str, recipient: str, way: str) -> None:
    told = site.try_malle("--config", f"/tmp/{name}/malleposte.yaml", "explain", "--from", sender, "--signed-in", recipient)
    assert way in told.text, told.text
