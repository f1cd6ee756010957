"""The images, the Compose file and the commands keep what the design promises."""

import re
from pathlib import Path

import pytest
import yaml

from services.admin.config import AdminSettings
from services.backupmx.config import BackupmxSettings
from services.kernel.runtime.config import Section
from services.pipe.config import PipeSettings
from services.qmgr.config import QmgrSettings
from services.relay.config import RelaySettings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "images/Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SITE = sorted(COMPOSE["services"])
PROGRAMS = sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py"))
INSIDE_AND_OUTSIDE = [name for name in SITE if {"edge", "core"} <= set(COMPOSE["services"][name].get("networks", []))]
TARGETS = re.findall(r"(?m)^([a-z]+):.*", (ROOT / "Makefile").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]


class _Loader(yaml.SafeLoader):
    """Reads also what Compose says by ``!override`` and ``!reset``."""


def _override(loader: _Loader, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("!override", _override)
_Loader.add_constructor("!reset", lambda loader, node: None)


def stage(target: str) -> str:
    """The lines of one target of the Dockerfile."""
    (text,) = re.findall(rf"(?ms)^FROM \S+ AS {target}\n(.*?)(?=^FROM |\Z)", DOCKERFILE)
    return str(text)


def sources(target: str) -> set[str]:
    """What a target copies into /app besides the kernel."""
    return set(re.findall(r"(?m)^COPY --from=(?:compiled|parts) (\S+) /app", stage(target)))


@pytest.mark.parametrize("program", PROGRAMS)
def test_image_holds_its_own_program_and_no_other(program: str) -> None:
    schemas = {"/schemas"} if program == "admin" else set()
    assert sources(program) == {f"/parts/{program}"} | schemas


@pytest.mark.parametrize("program", PROGRAMS)
def test_image_has_a_user_of_its_own_and_starts_without_a_shell(program: str) -> None:
    assert f"\nUSER {program}\n" in stage(program)
    assert f'ENTRYPOINT ["/opt/venv/bin/python", "-m", "services.{program}"]' in stage(program)


@pytest.mark.parametrize("service", SITE)
def test_port_is_published_only_where_the_operator_says(service: str) -> None:
    for port in COMPOSE["services"][service].get("ports", []):
        # what says how the site is, and lets it be administered, is not published with what the world needs
        bind = "MALLEPOSTE_BIND_PANEL" if port.endswith(":8080") else "MALLEPOSTE_BIND"
        assert port.startswith(f"${{{bind}:-127.0.0.1}}:${{MALLEPOSTE_PORT_")


@pytest.mark.parametrize("service", SITE)
def test_service_sees_no_folder_of_the_host_but_the_configuration(service: str) -> None:
    binds = [mount for mount in COMPOSE["services"][service]["volumes"] if mount["type"] == "bind"]
    programs = [("/programs", True)] if service == "pipe" else []  # commands of the operator's, which this service is there to run
    assert [(mount["target"], mount["read_only"]) for mount in binds] == [("/etc/malleposte", True), *programs]


@pytest.mark.parametrize("service", SITE)
def test_service_has_no_capability_and_is_not_root(service: str) -> None:
    container = COMPOSE["services"][service]
    if service == "pipe":  # outside of the default site: it becomes the user of each command, and ends commands of other users
        assert (container["cap_add"], container["profiles"]) == (["SETUID", "SETGID", "KILL"], ["pipe"])
        assert container["init"] is True  # somebody takes what its commands leave behind
    else:
        assert "cap_add" not in container
        assert container.get("user") not in ("0", "0:0", "root")


def test_commands_of_the_operator_see_no_tables_and_no_key() -> None:
    pipe = COMPOSE["services"]["pipe"]
    assert "/etc/malleposte/tables:size=4k,mode=0555" in pipe["tmpfs"]
    assert {mount["source"] for mount in pipe["volumes"]}.isdisjoint({"certs", "mail", "directory", "control"})


def test_commands_of_the_operator_reach_nothing_of_the_site() -> None:
    """Not by a network, and what their service writes itself lies behind folders that they do not enter."""
    pipe = COMPOSE["services"]["pipe"]
    assert [name for name in SITE if "commands" in COMPOSE["services"][name].get("networks", [])] == ["pipe"]
    assert pipe["networks"] == ["commands"]
    assert {mount["target"] for mount in pipe["volumes"] if not mount.get("read_only")} == {"/run/pipe", "/private/events"}
    skeleton = (ROOT / "images/skeleton.sh").read_text()
    assert "\nvolume 2770 root:queue /run/pipe\n" in skeleton
    assert "\nvolume 0750 root:queue /private\n" in skeleton
    assert PipeSettings.model_validate({}).listen == QmgrSettings.model_validate({}).pipe == "unix:/run/pipe/delivery"


@pytest.mark.parametrize("service", INSIDE_AND_OUTSIDE)
def test_service_that_is_inside_and_outside_has_a_name_inside_in_every_stack(service: str) -> None:
    """Its listeners are bound by that name, so a stack that names its networks anew must give it again."""
    for path in (ROOT / "compose.yaml", *sorted((ROOT / "tests/lab").glob("compose.*.yaml"))):
        networks = yaml.load(path.read_text(), _Loader).get("services", {}).get(service, {})
        inner = networks.get("networks", {}) if isinstance(networks, dict) else {}
        if inner:
            assert inner["core"] == {"aliases": [f"{service}-core"]}, path.name


@pytest.mark.parametrize(
    ("section", "service"), [(RelaySettings, "relay"), (BackupmxSettings, "backupmx"), (AdminSettings, "admin")], ids=["relay", "backupmx", "admin"]
)
def test_what_is_not_for_the_world_listens_inside_by_name(section: type[Section], service: str) -> None:
    """A delivery asked for is carried out, whoever asks: on the outer network that would be an open relay."""
    settings = section.model_validate({}).model_dump()
    addresses = [settings["metrics_address"], *([settings["listen"]] if service == "relay" else [])]
    assert {address.removeprefix("tcp:").rpartition(":")[0] for address in addresses} == {f"{service}-core"}


@pytest.mark.parametrize("service", [name for name in SITE if name != "init"])
def test_service_is_probed_by_a_real_exchange(service: str) -> None:
    test = COMPOSE["services"][service]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "python3"]
    assert test[-2] in {"smtp", "lmtp", "imap", "pop3", "sieve", "http", "channel"}


def test_only_the_program_that_may_change_a_store_has_it_writable() -> None:
    def writers(volume: str) -> set[str]:
        mounts = ((name, mount) for name in SITE for mount in COMPOSE["services"][name]["volumes"])
        return {name for name, mount in mounts if mount["source"] == volume and not mount.get("read_only")}

    assert writers("queue") == {"mx", "submission", "qmgr", "mda"}
    assert writers("mail") == {"mda", "imapd", "pop3d", "managesieve"}
    assert writers("directory") == {"init", "admin"}
    assert writers("certs") == {"init"}
    assert writers("mirror") == {"backupmx"}
    assert writers("room") == {"mda"}
    assert writers("verify") == writers("verdict") == {"verify"}
    assert writers("commands") == {"pipe"}


def test_first_container_has_every_volume() -> None:
    """Compose makes those at once that wait for the same one, and two that fill one new volume from their images are in each other's way."""
    depending = [name for name in SITE if "init" in COMPOSE["services"][name]["depends_on"]]
    assert depending == [name for name in SITE if name != "init"]
    filled = {mount["source"]: mount["target"] for mount in COMPOSE["services"]["init"]["volumes"] if mount["type"] == "volume"}
    assert filled.keys() == COMPOSE["volumes"].keys()
    skeleton = (ROOT / "images/skeleton.sh").read_text()
    assert [target for target in filled.values() if not re.search(rf"(?m)^volume \d+ \S+ {target}$", skeleton)] == []


def test_programs_that_face_the_world_have_no_network_inside() -> None:
    assert [COMPOSE["services"][name]["networks"] for name in ("mx", "submission", "imapd", "pop3d", "managesieve")] == [["edge"]] * 5


def test_makefile_is_short_and_every_command_has_its_line_of_help() -> None:
    helped = re.findall(r"(?m)^([a-z]+):.*## \S", (ROOT / "Makefile").read_text())
    assert helped == TARGETS
    assert len(TARGETS) <= 16


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_by_hash_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.findall(r"(?m)^[a-z0-9]\S*", text)
    assert all("==" in package for package in packages)
    assert len(re.findall(r"(?m)\\\n    --hash=sha256:", text)) >= len(packages)
    assert "://" not in text
