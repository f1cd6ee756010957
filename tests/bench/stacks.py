"""The stacks: how each is started, spoken to and weighed."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import yaml
from docker.models.containers import Container

from malleposte_lab.launch import free_networks
from malleposte_lab.project import CommandFailed, Project
from tests.bench import cgroup
from tests.bench.kinds import HERE, KINDS, ROOT, Kind, Operator, Parts

T = TypeVar("T")
SECONDS = 1200.0
"""A command that takes longer has hung."""
ANSWER_SECONDS = 120.0
"""A tool that answers a question later has hung, unless there is a large mailbox in it."""
AROUND = {"client", "dns", "sink", "slow", "dead"}
"""Services that are not of the stack but around it."""
MAILBOXES = 20
"""``bench0@example.test`` and on."""
PASSWORD = "secret"


@dataclass(frozen=True, slots=True)
class Stack:
    """One side of the comparison. Implicit TLS on 465, 993 and 995; users are ``benchNUMBER@example.test`` with ``PASSWORD``."""

    name: str
    project: Project
    parts: Parts
    operator: Operator
    folder: Path
    """On this machine, for the time of the run; containers see parts of it."""

    def tool(self, name: str, **words: Any) -> Any:
        """Run ``tools/NAME.py`` in the client's container with these words; the last line it printed, read as JSON."""
        printed = self.project.check("client", *_tool(name, words), seconds=SECONDS)
        return json.loads(printed.splitlines()[-1])

    def follow(self, name: str, ready: str, **words: Any) -> Iterator[str]:
        """The same, while it runs, from when it has said the line ``ready``: the lines after it. Raises ``CommandFailed`` for any other line."""
        lines = self._lines(name, words)
        if (said := next(lines, "")) != ready:
            raise CommandFailed("\n".join([said, *lines]))
        return lines

    def _lines(self, name: str, words: Mapping[str, Any]) -> Iterator[str]:
        rest = b""
        blocks = cast(Iterator[bytes], self.project.container("client").exec_run(_tool(name, words), stream=True).output)
        for block in blocks:
            *lines, rest = (rest + block).split(b"\n")
            yield from (line.decode() for line in lines)

    @contextmanager
    def converse(self, name: str, seconds: float, **words: Any) -> Iterator["Conversation"]:
        """The same of a tool that answers questions, each in ``seconds``, until there are no more."""
        command = ["docker", "exec", "-i", str(self.project.container("client").id), *_tool(name, {**words, "seconds": seconds})]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            try:
                yield Conversation(process.stdin, process.stdout, seconds)
            except BaseException:
                process.kill()  # nobody waits for a tool that has hung
                raise
            process.stdin.close()

    def shell(self, service: str, script: str) -> str:
        """Run a shell script in the container of a service; it must succeed. Returns what it printed."""
        return self.project.check(service, "sh", "-c", script, seconds=SECONDS)

    def seconds(self, service: str, command: str) -> float:
        """How long a command takes in the container of a service, without the way into it."""
        began, ended = self.shell(service, f"date +%s%N && {command} >/dev/null && date +%s%N").split()
        return (int(ended) - int(began)) / 1e9

    def cpu_seconds_of(self, service: str) -> float:
        """CPU seconds of one service alone."""
        label = [f"com.docker.compose.project={self.project.name}", f"com.docker.compose.service={service}"]
        (container,) = self.project.client.containers.list(filters={"label": label})
        return _cpu_seconds(container)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds that each service has taken since its container was started."""
        return self._of_each(_cpu_seconds)

    def memory_bytes(self) -> dict[str, int]:
        """Memory of each service that no other program can have: anonymous and shared pages, without the cache of files."""
        return self._of_each(lambda container: _private(_stats(container)["memory_stats"]["stats"]))

    def _of_each(self, ask: Callable[[Container], T]) -> dict[str, T]:
        """All at once: old engines take a second to answer for a container."""
        containers = {c.labels["com.docker.compose.service"]: c for c in self.project.containers() if c.status == "running"}
        names = sorted(containers.keys() - AROUND)
        with ThreadPoolExecutor(len(names)) as threads:
            return dict(zip(names, threads.map(lambda name: ask(containers[name]), names), strict=True))


@dataclass(frozen=True, slots=True)
class Conversation:
    """With a tool that is running: a line each way."""

    to_tool: IO[str]
    from_tool: IO[str]
    seconds: float
    """For each answer."""

    def ask(self, word: str) -> Any:
        """Say a word; the answer, read as JSON. Raises ``RuntimeError`` when the tool has ended, ``TimeoutError``."""
        self.to_tool.write(f"{word}\n")
        self.to_tool.flush()
        if not select.select([self.from_tool], [], [], self.seconds)[0]:
            raise TimeoutError(f"no answer to {word} in {self.seconds:g} s")
        answer = self.from_tool.readline()
        if not answer:
            raise RuntimeError(f"the tool has ended instead of an answer to {word}")
        return json.loads(answer)


def _tool(name: str, words: Mapping[str, Any]) -> list[str]:
    return ["python3", "-m", f"tests.bench.tools.{name}", json.dumps(words)]


def _stats(container: Container) -> Any:
    return container.stats(stream=False, one_shot=True)


def _cpu_seconds(container: Container) -> float:
    counted = cgroup.cpu_seconds(container.attrs["State"]["Pid"])
    return counted if counted is not None else _stats(container)["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9


def _private(stats: Mapping[str, int]) -> int:
    """The two versions of control groups name it differently (memory.stat)."""
    return stats["anon"] + stats["shmem"] if "anon" in stats else stats["total_rss"] + stats.get("total_shmem", 0)


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
    environment = {"BENCH_NET": network, "BENCH_FOLDER": str(folder), "BENCH_CODE": str(HERE), "BENCH_PEER": name}
    files = [*kind.files, HERE / "compose.around.yaml"]
    # one image after the other: see the Makefile
    project = Project(f"mpbench-{run}-{name}", files, {**environment, "MALLEPOSTE_CONFIG": str(folder / "config")}, words=["--parallel", "1"])
    stack = Stack(name, project, kind.parts, kind.operator, folder)
    try:
        _start(stack, kind)
        yield stack
    finally:
        if sys.exc_info()[0] is not None:
            project.save_logs(ROOT / "build/bench/logs")
        if os.environ.get("BENCH_KEEP") != "yes":
            done = project.compose("down", "-v", "-t", "2", "--remove-orphans", seconds=SECONDS)
            shutil.rmtree(folder, ignore_errors=True)
            if done.status != 0:
                raise RuntimeError(f"{name} was not taken down (project {project.name}):\n{done.err.decode(errors='replace')[-4000:]}")


def _prepare(folder: Path, network: str) -> None:
    """The folder of a run: zones with its addresses, our configuration, and a place for profiles."""
    (folder / "zones").mkdir(parents=True, exist_ok=True)
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles").chmod(0o1777)  # programs with users of their own write here
    zone = (HERE / "zones/test.zone").read_text().replace("NET", network)
    (folder / "zones/test.zone").write_text(zone)
    shutil.copytree(HERE / "config", folder / "config", dirs_exist_ok=True)
    (folder / "config/tables").mkdir(exist_ok=True)


def _start(stack: Stack, kind: Kind) -> None:
    build = [] if kind.is_ours else [["build", "-q"]]  # make has built ours
    for words in [*build, ["up", "-d", "--wait", "--wait-timeout", "180"]]:
        done = stack.project.compose(*words, seconds=SECONDS)
        if done.status != 0:
            raise RuntimeError(f"{stack.name} did not start (logs in {ROOT}/build/bench/logs):\n{done.err.decode(errors='replace')[-4000:]}")
    stack.tool("answers", servers=[(kind.parts.mx, 25), (kind.parts.imap, 143)])  # the peers have no health checks
    if kind.is_ours:  # the peers take any user of example.test
        add_accounts(stack, [f"bench{number}@example.test" for number in range(MAILBOXES)])


def add_accounts(stack: Stack, addresses: Sequence[str]) -> None:
    """Mailboxes of ours with ``PASSWORD``: it is hashed once, as each hash and each command takes a while."""
    first, *others = addresses
    stack.project.check("admin", "malle", "account", "add", first, "--password-stdin", stdin=f"{PASSWORD}\n".encode())
    exported = yaml.safe_load(stack.project.check("admin", "malle", "directory", "export"))
    (model,) = [account for account in exported["accounts"] if account["address"] == first]
    wanted = {"accounts": [{**model, "address": address} for address in others]}
    stack.project.check("admin", "malle", "directory", "import", "-", stdin=yaml.safe_dump(wanted).encode())
