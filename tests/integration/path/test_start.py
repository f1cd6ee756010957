"""How the programs of a site start."""

import pytest

from malleposte_lab.site import Site


@pytest.mark.parametrize("service", ["mx", "submission", "qmgr", "relay", "verify", "mda", "imapd", "pop3d", "managesieve", "admin"])
def test_service_runs_from_the_bundle_in_its_image(site: Site, service: str) -> None:
    assert " /app/services/bundle\n" in site.project.check(service, "python3", "-c", "print(open('/proc/1/maps').read())")


MODULES = ("services.qmgr.settler", "services.kernel.spool.disk", "pydantic.main", "asyncio.base_events")
ASK = f"""
import importlib
from services.kernel.runtime import bundle
bundle.use()
for name in {MODULES}:
    module = importlib.import_module(name)
    print(name, type(module.__loader__).__module__, module.__loader__.get_code(name).co_filename == module.__file__)
"""


def test_modules_of_the_bundle_say_where_their_source_is(site: Site) -> None:
    """A program's own, the kernel's, a library's and Python's: so tracebacks show their lines."""
    told = site.project.check("qmgr", "/opt/venv/bin/python", "-c", ASK)
    assert told.splitlines() == [f"{name} services.kernel.runtime.bundle True" for name in MODULES]
