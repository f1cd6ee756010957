"""What the tests with other programs share."""

from collections.abc import Iterator

import pytest

from malleposte_lab.site import Site
from tests.integration.interop.dovecot import Dovecot


@pytest.fixture(scope="module")
def dovecot(site: Site) -> Iterator[Dovecot]:
    running = Dovecot(site)
    yield running
    running.stop()
