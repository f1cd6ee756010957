"""Who takes part in a lab: containers of several projects by the names that tests use.

A party is ``project/service``, or ``project`` for all its services but those that have done their work and those with the label ``lab.apart``, which
belong to the lab and not to what is tested.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from malleposte_lab.project import Project

SERVICE = "com.docker.compose.service"
"""The label that has a container's service."""


class Parties:
    """Finds containers by party, and runs what must be done beside them. ``image`` has sh, ip, tc, iptables, nsenter and python3."""

    def __init__(self, projects: Mapping[str, Project], image: str) -> None:
        self.projects = projects
        self._image = image
        self._client = docker.from_env()

    def names(self, party: str) -> list[str]:
        """``project/service`` of each container of a party. Where there is one project only, its name may be left out."""
        project, _, service = party.partition("/")
        if service:
            return [party]
        if project not in self.projects and len(self.projects) == 1:
            return [f"{next(iter(self.projects))}/{party}"]
        containers = self.projects[project].containers()
        return [f"{project}/{container.labels[SERVICE]}" for container in containers if _takes_part(container)]

    def neighbours(self, one: str, other: str) -> list[str]:
        """The containers of ``one`` that share a network with ``other``."""
        near = {network for name in self.names(other) for network in self._networks(name)}
        return [name for name in self.names(one) if near & set(self._networks(name))]

    def container(self, name: str) -> Container:
        """The container of ``project/service``."""
        project, _, service = name.partition("/")
        return self.projects[project].container(service)

    def each(self, party: str, act: Callable[[Container], object]) -> None:
        """Do something to all containers of a party at the same time. What is so already (stopped, paused, running) is no error."""
        self.each_of(self.names(party), act)

    def each_of(self, names: Iterable[str], act: Callable[[Container], object]) -> None:
        """The same to some containers."""

        def quietly(container: Container) -> None:
            with contextlib.suppress(APIError):
                act(container)

        together([lambda name=name: quietly(self.container(name)) for name in names])  # type: ignore[misc]  # bound at once

    def addresses(self, party: str) -> list[str]:
        """The IPv4 addresses of a party, as configured: also of what is stopped."""
        found = []
        for name in self.names(party):
            networks = self._networks(name).values()
            found += [(network["IPAMConfig"] or {}).get("IPv4Address") or network["IPAddress"] for network in networks]
        return [address for address in found if address]

    def by_address(self, party: str) -> dict[str, str]:
        """Who has which address among the containers of a party."""
        return {address: name for name in self.names(party) for address in self.addresses(name)}

    def _networks(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.container(name).attrs["NetworkSettings"]["Networks"]
        return found

    def beside(self, name: str, script: str) -> None:
        """Run a shell script as root in the network of a container."""
        self._run(script, network_mode=f"container:{self.container(name).id}", cap_add=["NET_ADMIN"])

    def start_beside(self, name: str, words: list[str], user: str) -> Container:
        """Start Python with these words in the network of a container."""
        network = f"container:{self.container(name).id}"
        # under this label whoever clears away the project finds it too
        labels = {"com.docker.compose.project": f"{self.projects[name.partition('/')[0]].name}-fault"}
        started: Container = self._client.containers.run(
            self._image, words, entrypoint=["python3"], detach=True, init=True, user=user, network_mode=network, labels=labels
        )
        return started

    def inside(self, name: str, script: str) -> None:
        """Run a shell script as root that sees the processes of a container and may enter their mounts."""
        self._run(
            script,
            network_mode="none",
            pid_mode=f"container:{self.container(name).id}",
            cap_add=["SYS_ADMIN", "SYS_PTRACE"],
            security_opt=["apparmor=unconfined"],
        )

    def at_volume(self, party: str, path: str, script: str, environment: Mapping[str, str] | None = None, capabilities: Sequence[str] = ()) -> None:
        """Run a shell script as root with the volume that a party has at ``path``."""
        volumes = {self._volume(self.container(self.names(party)[0]), path): {"bind": path, "mode": "rw"}}
        security = ["apparmor=unconfined"] if capabilities else []
        options = {"cap_add": list(capabilities), "security_opt": security, "environment": dict(environment or {})}
        self._run(script, network_mode="none", volumes=volumes, **options)

    def sharing(self, party: str, path: str) -> list[str]:
        """All running containers of a party's project that have the volume it has at ``path``."""
        (name, *_) = self.names(party)
        volume, project = self._volume(self.container(name), path), name.partition("/")[0]
        running = [container for container in self.projects[project].containers() if container.status == "running"]
        has_it = [container for container in running if any(mount.get("Name") == volume for mount in container.attrs["Mounts"])]
        return [f"{project}/{container.labels[SERVICE]}" for container in has_it]

    def _volume(self, container: Container, path: str) -> str:
        for mount in container.attrs["Mounts"]:
            if mount["Destination"] == path and mount["Type"] == "volume":
                return str(mount["Name"])
        raise LookupError(f"{container.name} has no volume at {path}")

    def _run(self, script: str, **options: Any) -> None:
        self._client.containers.run(self._image, ["-ec", script], entrypoint=["sh"], remove=True, stderr=True, **options)


def together(calls: Iterable[Callable[[], object]]) -> None:
    """Make all calls at the same time, wait for all, and raise what one of them raised."""
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()


def _takes_part(container: Container) -> bool:
    ran_once = container.status == "exited" and container.attrs["HostConfig"]["RestartPolicy"]["Name"] in {"", "no"}
    return not ran_once and "lab.apart" not in container.labels
