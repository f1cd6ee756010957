"""One Compose project, driven from outside."""

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

EXEC_SECONDS = 120.0
"""A command inside a container that takes longer has hung."""


class CommandFailed(AssertionError):
    """A command in a container ended with an exit status that the test did not expect."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a command."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without the last line end."""
        return self.out.decode(errors="replace").rstrip("\n")


class Project:
    """A project name, its Compose files and the environment they are read with."""

    def __init__(
        self, name: str, files: Sequence[Path], environment: Mapping[str, str], profiles: Sequence[str] = (), words: Sequence[str] = ()
    ) -> None:
        self.name = name
        self._prefix = ["docker", "compose", "-p", name, *words]
        for file in files:
            self._prefix += ["-f", str(file)]
        for profile in profiles:
            self._prefix += ["--profile", profile]
        self._environment = {**os.environ, **environment}
        self.client = docker.from_env()

    def compose(self, *words: str, stdin: bytes | None = None, seconds: float = EXEC_SECONDS) -> Finished:
        """Run ``docker compose WORDS``; any exit status is returned."""
        done = subprocess.run(
            [*self._prefix, *words],
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env=self._environment,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def execute(self, service: str, *words: str, stdin: bytes | None = None, seconds: float = EXEC_SECONDS) -> Finished:
        """Run a command in the running container of ``service``; any exit status is returned."""
        return self.compose("exec", "-T", service, *words, stdin=stdin, seconds=seconds)

    def check(self, service: str, *words: str, stdin: bytes | None = None, seconds: float = EXEC_SECONDS) -> str:
        """Run a command that must succeed and return what it printed."""
        done = self.execute(service, *words, stdin=stdin, seconds=seconds)
        if done.status != 0:
            shown = (done.out + done.err).decode(errors="replace")
            raise CommandFailed(f"{service}: {' '.join(words)}: exit status {done.status}\n{shown}")
        return done.text

    def containers(self) -> list[Container]:
        """All containers of the project, stopped ones too."""
        label = f"com.docker.compose.project={self.name}"
        found: list[Container] = self.client.containers.list(all=True, filters={"label": label})
        return found

    def container(self, service: str) -> Container:
        """The container of one service."""
        for container in self.containers():
            if container.labels.get("com.docker.compose.service") == service:
                return container
        raise LookupError(f"{self.name} has no container of {service}")

    def read_file(self, service: str, path: str) -> bytes:
        """Read a file out of a container, without the container's help."""
        blocks, _ = self.container(service).get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(blocks))) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            assert member is not None
            return member.read()

    def read_folder(self, service: str, path: str) -> dict[str, bytes]:
        """Read all files below a folder out of a container: path from the folder's own name on -> content. Empty where there is none."""
        try:
            blocks, _ = self.container(service).get_archive(path)
        except NotFound:
            return {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(blocks))) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            return {member.name: file.read() for member in members if (file := archive.extractfile(member))}

    def kill(self, service: str) -> None:
        """``kill -9`` of the service's container."""
        self.container(service).kill(signal="SIGKILL")

    def start(self, service: str) -> None:
        """Start a stopped container again."""
        self.container(service).start()

    def save_logs(self, directory: Path) -> None:
        """Leave the logs of every container behind, for a failed test."""
        directory.mkdir(parents=True, exist_ok=True)
        for container in self.containers():
            (directory / f"{container.name}.log").write_bytes(container.logs())
