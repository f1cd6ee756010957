"""Settings of a running site, changed for a while."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from malleposte_lab.faults import Fault
from malleposte_lab.twosites import TwoSites

RELOAD_SECONDS = 60.0
AGAIN_SECONDS = 5.0
WORKERS = {"mx": 2}
"""Services with several processes, each of which reads the settings again."""


def amend(lab: TwoSites, site: str, services: Sequence[str], settings: Mapping[str, Any]) -> Fault:
    """``amend(lab, "backup", ["qmgr"], {"routing.relayhost": "..."})`` has running services read other settings; undone like a fault."""
    file = lab.folder / site / "malleposte.yaml"
    before = file.read_text()

    def write(text: str) -> None:
        file.write_text(text)
        for service in services:
            _reload(lab, site, service)

    write(_changed(before, settings))
    return lab.faults.made("settings", f"{site} {' '.join(settings)}", lambda: write(before))


def _changed(text: str, settings: Mapping[str, Any]) -> str:
    document = yaml.safe_load(text)
    for path, value in settings.items():
        *sections, name = path.split(".")
        section = document
        for word in sections:
            section = section.setdefault(word, {})
        section[name] = value
    return yaml.safe_dump(document)


def _reload(lab: TwoSites, site: str, service: str) -> None:
    """Have a service read its settings. One that is just starting does not hear the signal yet, so it is given again."""
    facts = {"kind": "reloaded", "site": site, "service": {"mx": "smtpd"}.get(service, service)}
    wanted = len(lab.events.matching(**facts)) + WORKERS.get(service, 1)
    due = time.monotonic()

    def is_reloaded() -> bool:
        nonlocal due
        if time.monotonic() >= due:
            due += AGAIN_SECONDS
            lab.faults.signal(f"{site}/{service}", "SIGHUP")
        return len(lab.events.matching(**facts)) >= wanted

    lab.events.wait_until(is_reloaded, f"{service} did not reload", RELOAD_SECONDS)
