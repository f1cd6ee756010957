"""The pytest fixtures of the lab.

A test suite names its site by overriding ``lab_files`` (Compose files), ``lab_services`` (whose logs hold events) and, when it wants,
``lab_profiles`` and ``lab_environment``. The site starts once a session, on ports of its own on 127.0.0.1, and is taken down with its
volumes at the end, also after a failure. ``LAB_KEEP=yes`` leaves everything running for a look.
"""

import os
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from malleposte_lab.events import EventLog
from malleposte_lab.project import Project
from malleposte_lab.site import PORTS, Site

UP_SECONDS = 300.0
"""Creating and starting all containers on a slow disk."""


@pytest.fixture(scope="session")
def lab_files() -> list[Path]:
    """Compose files of the site; a suite overrides this."""
    raise LookupError("override the fixture lab_files")


@pytest.fixture(scope="session")
def lab_services() -> list[str]:
    """Services whose logs hold event lines."""
    return []


@pytest.fixture(scope="session")
def lab_profiles() -> list[str]:
    """Compose profiles to start."""
    return []


@pytest.fixture(scope="session")
def lab_environment() -> dict[str, str]:
    """What else the Compose files are read with."""
    return {}


@pytest.fixture(scope="session")
def lab_name() -> str:
    """The Compose project; a run never shares one."""
    return os.environ.get("LAB_PROJECT", f"mptest-{secrets.token_hex(3)}")


@pytest.fixture(scope="session")
def lab_ports() -> dict[str, int]:
    """A free port of this machine for each published one, fixed for the whole session."""
    sockets = {name: socket.socket() for name in PORTS}
    for listener in sockets.values():
        listener.bind(("127.0.0.1", 0))
    ports = {name: listener.getsockname()[1] for name, listener in sockets.items()}
    for listener in sockets.values():
        listener.close()
    return ports


@pytest.fixture(scope="session")
def lab_project(
    lab_name: str, lab_files: list[Path], lab_profiles: list[str], lab_ports: dict[str, int], lab_environment: dict[str, str]
) -> Iterator[Project]:
    """The running project."""
    environment = {f"MALLEPOSTE_PORT_{name}": str(port) for name, port in lab_ports.items()}
    project = Project(lab_name, lab_files, {**environment, **lab_environment}, lab_profiles)
    try:
        started = project.compose("up", "-d", "--wait", "--wait-timeout", "180", seconds=UP_SECONDS)
        if started.status != 0:
            project.save_logs(Path("build/lab") / lab_name)
            raise RuntimeError(f"the lab did not start:\n{started.err.decode(errors='replace')[-4000:]}")
        yield project
    finally:
        if os.environ.get("LAB_KEEP") != "yes":
            project.compose("down", "--volumes", "--timeout", "2", "--remove-orphans", seconds=UP_SECONDS)


@pytest.fixture(scope="session")
def lab_events(lab_project: Project, lab_services: list[str]) -> Iterator[EventLog]:
    """All events of the session."""
    log = EventLog(lab_project, lab_services)
    yield log
    log.close()


@pytest.fixture(scope="session")
def site(lab_project: Project, lab_events: EventLog, lab_ports: dict[str, int]) -> Site:
    """The site under test."""
    return Site(lab_project, lab_events, lab_ports)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave the logs of all containers behind when a test that used the lab failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's old-style wrapper is untyped
    project = getattr(item, "funcargs", {}).get("lab_project") or getattr(getattr(item, "funcargs", {}).get("site"), "project", None)
    if report.when == "call" and report.failed and isinstance(project, Project):
        where = Path("build/lab") / re.sub(r"[^\w.-]+", "_", item.nodeid)
        project.save_logs(where)
        report.sections.append(("lab", f"logs of all containers: {where}"))
