"""The pytest fixtures of the lab.

A test suite names its site by overriding ``lab_files`` (Compose files), ``lab_services`` (whose logs hold events) and, when it wants,
``lab_profiles`` and ``lab_environment``. The site starts once a session, on ports of its own on 127.0.0.1, and is taken down with its
volumes at the end, also after a failure. ``LAB_KEEP=yes`` leaves everything running for a look.
"""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

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
def lab_plan(
    lab_name: str, lab_files: list[Path], lab_services: list[str], lab_environment: dict[str, str], lab_profiles: list[str]
) -> Plan:
    """What the fixtures above say together."""
    return Plan(lab_name, lab_files, lab_services, lab_environment, lab_profiles)


@pytest.fixture(scope="session")
def site(lab_plan: Plan) -> Iterator[Site]:
    """The site under test."""
    with running_site(lab_plan) as running:
        yield running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave the logs of all containers behind when a test that used the lab failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's old-style wrapper is untyped
    sites = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Site)]
    if report.when == "call" and report.failed and sites:
        where = LOGS / re.sub(r"[^\w.-]+", "_", item.nodeid)
        for site in sites:
            site.project.save_logs(where)
        report.sections.append(("lab", f"logs of all containers: {where}"))
