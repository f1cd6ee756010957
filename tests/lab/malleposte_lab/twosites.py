"""The lab with two mail sites: ``primary`` has the domain example.test, ``backup`` stands in for it, and around them is a world.

Three Compose projects on one internal network of fixed addresses:

=========================  =====================================================================================
``primary/...``            mx 10, relay 11, submission 12, imapd 13, admin 15; qmgr, mda: the product's ``compose.yaml``
``backup/...``             mx 20, relay 21, backupmx 24, admin 25; qmgr: with ``compose.backup.yaml``
``world/dns``              2, nsd with the zone ``test``: ``lab.dns`` edits it
``world/postfix, exim``    4 (world.test, its user carol) and 6 (exim.test): foreign mail servers that find the sites by their MX records
``world/sink``             5 (sink.test): answers by script
=========================  =====================================================================================

The two sites know each other by their certificates, as docs/two-hosts.md has it: these are exchanged before anything but ``malle init`` runs.
The programs that run, ``malle`` included, are seen from outside only.
"""

import base64
import concurrent.futures
import json
import os
import shlex
import shutil
import smtplib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from malleposte_lab.disks import can_lose_power
from malleposte_lab.events import Event, EventLog
from malleposte_lab.lab import Lab
from malleposte_lab.launch import LOGS, UP_SECONDS, free_networks
from malleposte_lab.project import Project
from malleposte_lab.site import CLIENT_SECONDS, Site
from malleposte_lab.zones import Zones

PORTS = {
    "primary": ["MX", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS"],
    "backup": ["MX"],
    "postfix": ["MX"],
    "exim": ["MX"],
}
SERVICES = {
    "world": ["dns", "postfix", "exim", "sink", "gate"],
    "primary": ["mx", "submission", "qmgr", "relay", "verify", "mda", "imapd", "admin"],
    "backup": ["mx", "qmgr", "relay", "verify", "admin", "backupmx"],
}
OVERLAYS = {"backup": ["compose.backup.yaml"]}
HOSTS = {"primary": "mx1", "backup": "mx2"}
"""What each site is called in the configuration of the other."""
START_SECONDS = 120.0
"""Starting some containers on a busy machine."""
SILENT = {"dns", "gate", "postfix", "keeper"}
"""Services whose logs hold no events."""


@dataclass(frozen=True, slots=True)
class TwoSitePlan:
    """Where the product is and what else its Compose files are read with."""

    name: str
    root: Path
    version: str
    services: Mapping[str, Sequence[str]] = field(default_factory=lambda: SERVICES)
    files: Mapping[str, Sequence[str]] = field(default_factory=lambda: OVERLAYS)
    """Further Compose files, project -> paths below ``root``."""
    config: Mapping[str, Path] = field(default_factory=dict)
    """Configuration folders of the sites, instead of the lab's own."""


class World:
    """The foreign mail servers."""

    def __init__(self, project: Project, ports: Mapping[str, Mapping[str, int]]) -> None:
        self.project = project
        self._ports = ports

    def server(self, name: str) -> smtplib.SMTP:
        """A client at ``postfix`` or ``exim``: what they accept, they send on, by MX records and as often as need be."""
        return smtplib.SMTP("127.0.0.1", self._ports[name]["MX"], "client.world.test", CLIENT_SECONDS)

    def carol(self) -> list[bytes]:
        """What is in the mailbox of carol@world.test."""
        return [content for path, content in self.project.read_folder("postfix", "/var/mail/world.test").items() if "/new/" in path]


class TwoSites(Lab):
    """``primary``, ``backup``, ``world``, ``dns``, ``faults``, ``events``."""

    def __init__(self, projects: Mapping[str, Project], events: EventLog, ports: Mapping[str, Mapping[str, int]], folder: Path, image: str) -> None:
        super().__init__(projects, events, image)
        self.folder = folder
        self.has_disks = False
        """Whether queues and mailboxes are on disks whose power can be cut."""
        self.primary = Site(projects["primary"], events, dict(ports["primary"]))
        self.backup = Site(projects["backup"], events, dict(ports["backup"]))
        self.world = World(projects["world"], ports)
        self.dns = Zones(folder / "zones", "test", self.faults, lambda: projects["world"].check("dns", "sh", "/dns.sh", "reload"))
        self.authority = trustme.CA()
        for name, site in {"primary": self.primary, "backup": self.backup}.items():
            self.listings[f"queue-{name}.txt"] = lambda site=site: site.try_malle("queue", "list").text  # type: ignore[misc]  # bound at once

    def watch(self, names: Sequence[str]) -> Callable[[], object]:
        """Waits until each service of a site that is being started has said that it works."""
        counts = {name: len(self._starts(name)) for name in names if not name.startswith("world/") and name.partition("/")[2] not in SILENT}

        def missing() -> list[str]:
            return [name for name, count in counts.items() if len(self._starts(name)) <= count]

        return lambda: self.events.wait_until(lambda: not missing(), "not all of them started", START_SECONDS)

    def _starts(self, name: str) -> list[Event]:
        site, _, service = name.partition("/")
        return self.events.matching(kind="started", site=site, **_started(service))

    def taken(self, key: str) -> list[bytes]:
        """The messages with this subject that the sink has taken."""
        return [base64.b64decode(event["content"]) for event in self.events.matching(kind="taken", subject=key)]

    def sunk(self, recipients: Iterable[str]) -> dict[str, list[bytes]]:
        """The messages that the sink has taken for each of some recipients."""
        found: dict[str, list[bytes]] = {recipient: [] for recipient in recipients}
        for event in self.events.matching(kind="taken"):
            for recipient in found.keys() & event["to"]:
                found[recipient].append(base64.b64decode(event["content"]))
        return found


@contextmanager
def running_two_sites(plan: TwoSitePlan) -> Iterator[TwoSites]:
    """Both sites and the world; at the end taken down with their volumes, unless ``LAB_KEEP=yes``."""
    try:
        lab = bring_up(plan)
        yield lab
        lab.events.close()
    finally:
        if os.environ.get("LAB_KEEP") != "yes":
            bring_down(plan)


def bring_up(plan: TwoSitePlan) -> TwoSites:
    """Start both sites and the world, or find those of this name that were left running."""
    folder = plan.root / "build/lab" / plan.name
    if not (folder / "lab.json").exists():
        network = free_networks(1)[0]
        prepare(plan, folder, network)
        known = {"network": network, "ports": _free_ports(), "has_disks": can_lose_power(f"malleposte/scripted:{plan.version}")}
        (folder / "lab.json").write_text(json.dumps(known))
    known = json.loads((folder / "lab.json").read_text())
    projects = {name: _project(plan, name, folder, known) for name in SERVICES}
    watched = {name: [word for word in plan.services[name] if word not in SILENT] for name in projects}
    _start(plan, projects)
    log = EventLog(*((projects[name], service) for name, services in watched.items() for service in services))
    for name in ("primary", "backup"):
        wait_for_start(log, name, watched[name])
    lab = TwoSites(projects, log, known["ports"], folder, f"malleposte/scripted:{plan.version}")
    lab.has_disks = known.get("has_disks", False)
    return lab


def bring_down(plan: TwoSitePlan) -> None:
    """Remove all projects with their volumes; the world last, as the network is its."""
    folder = plan.root / "build/lab" / plan.name
    if not (folder / "lab.json").exists():
        return
    known = json.loads((folder / "lab.json").read_text())
    for name in ("primary", "backup", "world"):
        project = _project(plan, name, folder, known)
        project.compose("--profile", "*", "down", "--volumes", "--timeout", "1", "--remove-orphans", seconds=UP_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def prepare(plan: TwoSitePlan, folder: Path, network: str) -> None:
    """Make the folder of a run: configuration of both sites, zones, a certificate for Exim."""
    for site in ("primary", "backup"):
        shutil.copytree(plan.config.get(site, plan.root / "tests/lab/config" / site), folder / site, dirs_exist_ok=True)
    shutil.copytree(plan.root / "tests/lab/zones/two", folder / "zones", dirs_exist_ok=True)
    for path in [*folder.rglob("*.zone"), *folder.rglob("*.yaml")]:
        path.write_text(path.read_text().replace("10.213.7.", f"{network}."))
    (folder / "certs").mkdir(exist_ok=True)
    (folder / "certs/exim.pem").write_bytes(trustme.CA().issue_cert("mx.exim.test").private_key_and_cert_chain_pem.bytes())
    (folder / "passwords").write_text("")


def _project(plan: TwoSitePlan, name: str, folder: Path, known: Mapping[str, Any]) -> Project:
    disks = ["tests/lab/compose.disk.yaml"] if known.get("has_disks") else []
    site = ["compose.yaml", *plan.files.get(name, ()), "tests/lab/compose.site.yaml", *disks]
    files = ["tests/lab/compose.world.yaml"] if name == "world" else site
    environment = {
        "LAB_NET": known["network"],
        "LAB_DISK": f"{plan.name}-{name}",
        "LAB_INTERNET": f"{plan.name}-internet",
        "LAB_FOLDER": str(folder),
        "LAB_CODE": str(Path(__file__).parent),
        "LAB_SITE": "2" if name == "backup" else "1",
        "MALLEPOSTE_VERSION": plan.version,
        "MALLEPOSTE_CONFIG": str(folder / name),
        "MALLEPOSTE_HEALTH_INTERVAL": "30s",
    }
    environment |= {f"LAB_PORT_{party.upper()}_{port}": str(number) for party, named in known["ports"].items() for port, number in named.items()}
    (folder / f"{name}.env").write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in environment.items()))
    words = ["--project-directory", str(plan.root)] if name == "world" else []
    return Project(f"{plan.name}-{name}", [plan.root / file for file in files], environment, words=words)


def _start(plan: TwoSitePlan, projects: Mapping[str, Project]) -> None:
    _up(projects["world"], ["dns"])  # it makes the network that the others join
    with concurrent.futures.ThreadPoolExecutor() as pool:
        world = pool.submit(_up, projects["world"], [])
        list(pool.map(lambda name: _introduce(plan, projects, name), HOSTS))
        list(pool.map(lambda name: _up(projects[name], plan.services[name]), HOSTS))
        world.result()


def _introduce(plan: TwoSitePlan, projects: Mapping[str, Project], name: str) -> None:
    """Have a site make its certificate, and give it to the other."""
    _up(projects[name], ["keeper"])  # which waits for the disks: the others cannot even be made before
    _up(projects[name], ["init"])
    status = projects[name].container("init").wait(timeout=UP_SECONDS)["StatusCode"]
    if status != 0:
        raise RuntimeError(f"{name}: malle init: exit status {status}\n{projects[name].container('init').logs().decode(errors='replace')}")
    (other,) = HOSTS.keys() - {name}
    partners = plan.root / "build/lab" / plan.name / other / "partners"
    partners.mkdir(exist_ok=True)
    (partners / f"{HOSTS[name]}.pem").write_bytes(projects[name].read_file("init", "/certs/identity.pem"))


def _up(project: Project, services: Sequence[str]) -> None:
    started = project.compose("up", "-d", *services, seconds=UP_SECONDS)
    if started.status != 0:
        project.save_logs(LOGS / project.name)
        raise RuntimeError(f"{project.name} did not start:\n{started.err.decode(errors='replace')[-4000:]}")


def wait_for_start(log: EventLog, site: str, services: Sequence[str]) -> None:
    """Wait until each service of a site has said that it works; probes of health would cost a core, with all these containers."""
    for service in services:
        log.wait(UP_SECONDS, kind="started", site=site, **_started(service))


def _started(service: str) -> dict[str, str]:
    """What the event says that tells of the start of a service, as Compose names it."""
    return {"service": "smtpd", "reason": service} if service in {"mx", "submission"} else {"service": service}


def _free_ports() -> dict[str, dict[str, int]]:
    wanted = [(party, port) for party, names in PORTS.items() for port in names]
    sockets = [socket.socket() for _ in wanted]
    for listener in sockets:
        listener.bind(("127.0.0.1", 0))
    ports: dict[str, dict[str, int]] = {party: {} for party in PORTS}
    for (party, port), listener in zip(wanted, sockets, strict=True):
        ports[party][port] = listener.getsockname()[1]
        listener.close()
    return ports
