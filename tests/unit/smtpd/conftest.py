"""Fixtures of smtpd's tests: a site, and its two roles at work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.smtpd.site import Running, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def mx(site: Site) -> Iterator[Running]:
    running = site.start("mx")
    yield running
    running.stop()


@pytest.fixture
def submission(site: Site) -> Iterator[Running]:
    running = site.start("submission")
    yield running
    running.stop()
