"""How the programs of a site start."""

import pytest

from malleposte_lab.site import Site


@pytest.mark.parametrize("service", ["mx", "submission", "qmgr", "relay", "verify", "mda", "imapd", "pop3d", "managesieve", "admin"])
def test_service_runs_from_the_bundle_in_its_image(site: Site, service: str) -> None:
    assert " /app/services/bundle\n" in site.project.check(service, "python3", "-c", "print(open('/proc/1/maps').read())")
