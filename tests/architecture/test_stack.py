"""The images, the Compose file and the commands keep what the design promises."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "images/Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SITE = sorted(COMPOSE["services"])
PROGRAMS = sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py"))
TARGETS = re.findall(r"(?m)^([a-z]+):.*", (ROOT / "Makefile").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def stage(target: str) -> str:
    """The lines of one target of the Dockerfile."""
    (text,) = re.findall(rf"(?ms)^FROM \S+ AS {target}\n(.*?)(?=^FROM |\Z)", DOCKERFILE)
    return str(text)


def sources(target: str) -> set[str]:
    """What a target copies into /app besides the kernel."""
    return set(re.findall(r"(?m)^COPY --from=compiled (\S+) /app", stage(target)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_image_holds_its_own_program_and_no_other(program: str) -> None:
    schemas = {"/schemas"} if program == "admin" else set()
    assert sources(program) == {f"/app/services/{program}"} | schemas


@pytest.mark.parametrize("program", PROGRAMS)
def test_image_has_a_user_of_its_own_and_starts_without_a_shell(program: str) -> None:
    assert f"\nUSER {program}\n" in stage(program)
    assert f'ENTRYPOINT ["/opt/venv/bin/python", "-m", "services.{program}"]' in stage(program)


@pytest.mark.parametrize("service", SITE)
def test_port_is_published_only_where_the_operator_says(service: str) -> None:
    for port in COMPOSE["services"][service].get("ports", []):
        assert port.startswith("${MALLEPOSTE_BIND:-127.0.0.1}:${MALLEPOSTE_PORT_")


@pytest.mark.parametrize("service", SITE)
def test_service_sees_no_folder_of_the_host_but_the_configuration(service: str) -> None:
    binds = [mount for mount in COMPOSE["services"][service]["volumes"] if mount["type"] == "bind"]
    assert [(mount["target"], mount["read_only"]) for mount in binds] == [("/etc/malleposte", True)]


@pytest.mark.parametrize("service", [name for name in SITE if name != "init"])
def test_service_is_probed_by_a_real_exchange(service: str) -> None:
    test = COMPOSE["services"][service]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "python3"]
    assert test[-2] in {"smtp", "lmtp", "imap", "pop3", "http", "channel"}


def test_only_the_program_that_may_change_a_store_has_it_writable() -> None:
    def writers(volume: str) -> set[str]:
        mounts = ((name, mount) for name in SITE for mount in COMPOSE["services"][name]["volumes"])
        return {name for name, mount in mounts if mount["source"] == volume and not mount.get("read_only")}

    assert writers("queue") == {"mx", "submission", "qmgr"}
    assert writers("mail") == {"mda", "imapd", "pop3d"}
    assert writers("directory") == {"init", "admin"}
    assert writers("certs") == {"init"}


def test_makefile_is_short_and_every_command_has_its_line_of_help() -> None:
    helped = re.findall(r"(?m)^([a-z]+):.*## \S", (ROOT / "Makefile").read_text())
    assert helped == TARGETS
    assert len(TARGETS) <= 15


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_by_hash_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.findall(r"(?m)^[a-z0-9]\S*", text)
    assert all("==" in package for package in packages)
    assert len(re.findall(r"(?m)\\\n    --hash=sha256:", text)) >= len(packages)
    assert "://" not in text
