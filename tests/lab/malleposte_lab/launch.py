"""Starting a site and taking it down again, whatever happens in between."""

import os
import random
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
from pytest_docker.plugin import get_docker_services

from malleposte_lab.events import EventLog
from malleposte_lab.project import Project
from malleposte_lab.site import PORTS, Site

UP_SECONDS = 300.0
"""Creating and starting all containers on a slow disk."""
LOGS = Path("build/lab")
"""Where the logs of a failed start or test are left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start: the Compose project, its files and environment, and the services whose logs hold events."""

    name: str
    files: Sequence[Path]
    services: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    profiles: Sequence[str] = ()


@contextmanager
def running_site(plan: Plan) -> Iterator[Site]:
    """A site on free ports of 127.0.0.1; at the end it is taken down with its volumes, unless ``LAB_KEEP=yes``."""
    ports = free_ports()
    with running_project(plan, {f"MALLEPOSTE_PORT_{name}": str(port) for name, port in ports.items()}) as (project, log):
        yield Site(project, log, ports)


@contextmanager
def running_project(plan: Plan, environment: dict[str, str]) -> Iterator[tuple[Project, EventLog]]:
    """Any project, with its event log; taken down like a site."""
    environment |= plan.environment
    project = Project(plan.name, plan.files, environment, plan.profiles)
    files = [str(file) for file in plan.files]
    down = [] if os.environ.get("LAB_KEEP") == "yes" else ["--profile '*' down --volumes --timeout 2 --remove-orphans"]
    command = " ".join(["env", *(shlex.quote(f"{name}={value}") for name, value in environment.items()), "docker compose"])
    # pytest-docker does not take down what failed to start, so it is given nothing to start
    with get_docker_services(command, files, plan.name, [], down):
        started = project.compose("up", "-d", "--wait", "--wait-timeout", "180", seconds=UP_SECONDS)
        if started.status != 0:
            project.save_logs(LOGS / plan.name)
            raise RuntimeError(f"{plan.name} did not start:\n{started.err.decode(errors='replace')[-4000:]}")
        log = EventLog(*((project, service) for service in plan.services))
        yield project, log
        log.close()


def free_networks(count: int) -> list[str]:
    """As many unused networks of 256 addresses, each as its first three octets."""
    taken = {config.get("Subnet", "") for network in docker.from_env().networks.list() for config in network.attrs["IPAM"]["Config"] or []}
    free = [f"10.213.{number}" for number in range(32, 256) if f"10.213.{number}.0/24" not in taken]
    return random.sample(free, count)


def free_ports() -> dict[str, int]:
    """A free port of this machine for each published one. They stay the same when a container is started again."""
    sockets = {name: socket.socket() for name in PORTS}
    for listener in sockets.values():
        listener.bind(("127.0.0.1", 0))
    ports = {name: int(listener.getsockname()[1]) for name, listener in sockets.items()}
    for listener in sockets.values():
        listener.close()
    return ports
