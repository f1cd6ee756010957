"""The pytest fixtures of the lab.

A test suite names its project by overriding ``lab_files`` (Compose files), ``lab_services`` (whose logs hold events) and, when it wants,
``lab_profiles`` and ``lab_environment``. It starts once a session and is taken down with its volumes at the end, also after a failure.
``LAB_KEEP=yes`` leaves everything running for a look.

``lab``   what runs, with all faults that can be made (``faults``): those of a test are undone when it ends. A suite with several projects overrides
          ``lab_running``.
``site``  a Malleposte site of one project, on ports of its own on 127.0.0.1
"""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from malleposte_lab.lab import Lab, running_lab
from malleposte_lab.launch import LOGS, Plan, running_site
from malleposte_lab.site import Site


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
def lab_image() -> str:
    """The image that faults are made with: it has sh, ip, tc, iptables, nsenter and python3 (target ``scripted`` of images/peers)."""
    return f"malleposte/scripted:{os.environ.get('MALLEPOSTE_VERSION', 'dev')}"


@pytest.fixture(scope="session")
def lab_plan(
    lab_name: str, lab_files: list[Path], lab_services: list[str], lab_environment: dict[str, str], lab_profiles: list[str]
) -> Plan:
    """What the fixtures above say together."""
    return Plan(lab_name, lab_files, lab_services, lab_environment, lab_profiles)


@pytest.fixture(scope="session")
def lab_running(lab_plan: Plan, lab_image: str) -> Iterator[Lab]:
    """What runs for the whole session; here the one project of ``lab_plan``."""
    with running_lab(lab_plan, lab_image) as running:
        yield running


@pytest.fixture
def lab(lab_running: Lab) -> Iterator[Lab]:
    """What runs, whole again after each test."""
    try:
        yield lab_running
    finally:
        lab_running.faults.undo_all()


@pytest.fixture(scope="session")
def site(lab_plan: Plan) -> Iterator[Site]:
    """The site under test."""
    with running_site(lab_plan) as running:
        yield running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave behind what a failed test that used the lab is understood by."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's old-style wrapper is untyped
    if report.when != "call" or not report.failed:
        return
    where = LOGS / re.sub(r"[^\w.-]+", "_", item.nodeid)
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, Site):
            value.project.save_logs(where)
        elif isinstance(value, Lab):
            value.save(where)
        else:
            continue
        report.sections.append(("lab", f"logs and events: {where}"))
