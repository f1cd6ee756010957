"""The stacks: how each is started, spoken to and weighed."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from malleposte_lab.launch import free_networks
from malleposte_lab.project import Project

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SECONDS = 900.0
"""A load that takes longer has hung."""
AROUND = {"client", "dns", "sink", "slow", "dead"}
"""Services that are not of the stack but around it."""
MAILBOXES = 20
"""``1bench@example.test`` and on, as ``smtp-source -r`` names them."""
PASSWORD = "secret"


@dataclass(frozen=True, slots=True)
class Parts:
    """The names that the parts of a stack have in its networks; ``queue`` is the service that owns the queue."""

    mx: str
    submission: str
    imap: str
    pop3: str
    queue: str


@dataclass(frozen=True, slots=True)
class Stack:
    """One side of the comparison. Implicit TLS on 465, 993 and 995; users are ``NUMBERbench@example.test`` with ``PASSWORD``."""

    name: str
    project: Project
    parts: Parts
    settings: Mapping[str, str] = field(default_factory=dict)
    """Commands of the operator's that differ: ``list``, ``flush``."""

    def tool(self, name: str, **words: Any) -> Any:
        """Run ``tools/NAME.py`` in the client's container with these words; what it printed, read as JSON."""
        printed = self.project.check("client", "python3", "-m", f"tests.bench.tools.{name}", json.dumps(words), seconds=SECONDS)
        return json.loads(printed.splitlines()[-1])

    def shell(self, service: str, script: str) -> str:
        """Run a shell script in the container of a service; it must succeed. Returns what it printed."""
        return self.project.check(service, "sh", "-c", script, seconds=SECONDS)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds that each service has taken since its container was started."""
        return {service: stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9 for service, stats in self._stats().items()}

    def memory_bytes(self) -> dict[str, int]:
        """Memory of each service that no other program can have: anonymous and shared pages, without the cache of files."""
        return {service: _private(stats["memory_stats"]["stats"]) for service, stats in self._stats().items()}

    def _stats(self) -> dict[str, Any]:
        running = {c.labels["com.docker.compose.service"]: c for c in self.project.containers() if c.status == "running"}
        return {name: c.stats(stream=False, one_shot=True) for name, c in running.items() if name not in AROUND}


def _private(stats: Mapping[str, int]) -> int:
    """The two versions of control groups name it differently (memory.stat)."""
    return stats["anon"] + stats["shmem"] if "anon" in stats else stats["total_rss"] + stats.get("total_shmem", 0)


@dataclass(frozen=True, slots=True)
class _Kind:
    files: Sequence[Path]
    parts: Parts
    settings: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


OURS = "malleposte"
PEER = "postfix"
KINDS = {
    OURS: _Kind(
        [ROOT / "compose.yaml", HERE / "compose.ours.yaml"],
        Parts("mx", "submission", "imapd", "pop3d", "qmgr"),
        {},
    ),
    PEER: _Kind([HERE / "compose.peer.yaml"], Parts("postfix", "postfix", "dovecot", "dovecot", "front"), {}, {"BENCH_PEER": "postfix"}),
}


@contextmanager
def running_stacks(names: Sequence[str], run: str) -> Iterator[list[Stack]]:
    """The stacks of these names, started; at the end they are taken down with their volumes. ``run`` sets projects and folders apart."""
    networks = free_networks(len(names))
    with ExitStack() as down:
        stacks = []
        for name, network in zip(names, networks, strict=True):
            print(f"starting {name}", flush=True)
            stacks.append(down.enter_context(_running(name, run, network)))
        yield stacks


@contextmanager
def _running(name: str, run: str, network: str) -> Iterator[Stack]:
    kind = KINDS[name]
    folder = ROOT / "build/bench" / f"{run}-{name}"
    _prepare(folder, network)
    environment = {"BENCH_NET": network, "BENCH_FOLDER": str(folder), "BENCH_CODE": str(HERE), "MALLEPOSTE_CONFIG": str(folder / "config")}
    files = [*kind.files, HERE / "compose.around.yaml"]
    # one image after the other: see the Makefile
    project = Project(f"mpbench-{run}-{name}", files, {**environment, **kind.environment}, words=["--parallel", "1"])
    stack = Stack(name, project, kind.parts, kind.settings)
    try:
        built = project.compose("build", "-q", seconds=SECONDS) if name != OURS else None  # `make` has built ours
        started = built if built and built.status != 0 else project.compose("up", "-d", "--wait", "--wait-timeout", "180", seconds=SECONDS)
        if started.status != 0:
            project.save_logs(folder)
            raise RuntimeError(f"{name} did not start (logs: {folder}):\n{started.err.decode(errors='replace')[-4000:]}")
        if name == OURS:
            _add_accounts(stack)
        yield stack
    finally:
        if os.environ.get("BENCH_KEEP") != "yes":
            project.compose("down", "-v", "-t", "2", "--remove-orphans", seconds=SECONDS)
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, network: str) -> None:
    """The folder of a run: zones with its addresses, and our configuration."""
    (folder / "zones").mkdir(parents=True, exist_ok=True)
    zone = (HERE / "zones/test.zone").read_text().replace("NET", network)
    (folder / "zones/test.zone").write_text(zone)
    shutil.copytree(HERE / "config", folder / "config", dirs_exist_ok=True)
    (folder / "config/tables").mkdir(exist_ok=True)


def _add_accounts(stack: Stack) -> None:
    """The peers take any user of example.test."""
    add = f"echo {PASSWORD} | malle account add {{}}bench@example.test --password-stdin"
    stack.shell("admin", f"for n in $(seq {MAILBOXES}); do echo $n; done | xargs -P 4 -I {{}} sh -c '{add}'")
