"""The site under test: the product's own Compose file, with the lab's overlay that shuts it in."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from malleposte_lab.site import Site

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ["mx", "submission", "qmgr", "relay", "verify", "mda", "imapd", "pop3d", "managesieve", "admin"]
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def lab_files() -> list[Path]:
    return [ROOT / "compose.yaml", ROOT / "tests/lab/compose.lab.yaml"]


@pytest.fixture(scope="session")
def lab_services() -> list[str]:
    return [*SERVICES, "pipe"]


@pytest.fixture(scope="session")
def lab_profiles() -> list[str]:
    return ["pipe"]


@pytest.fixture(scope="session")
def config(lab_name: str) -> Path:
    """The site's configuration, a copy that tests may change; whoever changes it puts it back."""
    copy = ROOT / "build/lab" / lab_name / "config"
    shutil.copytree(ROOT / "tests/lab/config/site", copy, dirs_exist_ok=True)
    return copy


@pytest.fixture(scope="session")
def lab_environment(config: Path) -> dict[str, str]:
    return {"MALLEPOSTE_CONFIG": str(config), "MALLEPOSTE_PROGRAMS": str(config / "programs"), "MALLEPOSTE_HEALTH_INTERVAL": "4s"}


@pytest.fixture
def account(site: Site) -> Callable[..., str]:
    """Make a fresh mailbox of example.test and return its address; the password is ``PASSWORD``."""

    def make(name: str = "user", *words: str) -> str:
        address = f"{name}-{secrets.token_hex(3)}@example.test"
        site.add_account(address, PASSWORD, *words)
        return address

    return make


@pytest.fixture
def key() -> str:
    """A word that no other message has."""
    return f"k{secrets.token_hex(6)}"
