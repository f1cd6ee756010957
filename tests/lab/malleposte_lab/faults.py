"""Faults as calls, each undone at the end.

A party is named ``project/service``, or ``project`` for all its containers. Every call returns a ``Fault``: undo it by ``undo()``, by
leaving its ``with`` block, or leave it to ``Faults.undo_all``, which the fixture ``lab`` calls after each test, failed ones too::

    with faults.partition("primary", "backup"):
        ...
    faults.kill("primary/qmgr").undo()     # kill -9, and started again

What happens in a container's network is done by a short-lived container beside it: nothing of the host is touched and the services need no
privilege. Where a container is started again while such a fault lasts, the fault is laid on it again.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from docker.errors import APIError, ContainerError
from docker.models.containers import Container

from malleposte_lab.disks import FORGET
from malleposte_lab.parties import Parties, together
from malleposte_lab.repeats import ANYWHERE, Period

STOP_SECONDS = 10
"""How long a container has for a stop in good order."""
LARGEST_DISK = 2**30
"""What has more bytes is taken for the disk of this machine and not filled."""
BUSY_SECONDS = 10
"""How long a disk may be in use before it is given up to make it read-only."""
CLOCK_SECONDS = 1.5
"""Until every process has seen a new clock: libfaketime looks once a second (FAKETIME_CACHE_DURATION)."""
PROXY_USER = 4242
"""The user of the latency proxy: what it sends is let through and not sent to itself."""
KILLED = 137
"""The exit status of what was ended by SIGKILL."""
PROXY = Path(__file__).with_name("delay.py")


class CannotBreak(Exception):
    """A fault could not be made."""


@dataclass(eq=False, slots=True)
class Fault:
    """One fault that has been made. ``began`` and ``ended`` are seconds since the epoch; ``ended`` is 0 while it lasts.

    ``parties`` are those whom it concerns; of a fault of the network the two ends, or one and ``ANYWHERE``.
    """

    kind: str
    what: str
    _undo: Callable[[], None]
    parties: tuple[str, ...] = ()
    began: float = field(default_factory=time.time)
    ended: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def undo(self) -> None:
        """End the fault; again is harmless."""
        with self._lock:
            if not self.ended:
                self._undo()
                self.ended = time.time()

    def __enter__(self) -> "Fault":
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()

    def __str__(self) -> str:
        return f"{self.kind} {self.what}"


@dataclass(frozen=True, slots=True)
class _Layer:
    """What lies on a running container as long as a fault lasts, and is laid on it again when it was started again."""

    party: str
    on: Callable[[], object]
    off: Callable[[], object]


class Faults:
    """All that can be done to some parties."""

    def __init__(self, parties: Parties, watch: Callable[[Sequence[str]], Callable[[], object]] = lambda _: lambda: None) -> None:
        """``watch`` is told which parties are about to be started and returns what waits until they work."""
        self._parties = parties
        self._watch = watch
        self.is_patient = True
        """Whether the end of a stop or a kill waits until what was started works."""
        self._layers: list[_Layer] = []
        self.history: list[Fault] = []
        """All faults so far, in order; the history checker reads it."""

    def made(self, kind: str, what: str, undo: Callable[[], None], parties: tuple[str, ...] = (), began: float = 0.0) -> Fault:
        """Note a fault that was made, by whomever, from ``began`` on or just now."""
        fault = Fault(kind, what, undo, parties, began or time.time())
        self.history.append(fault)
        return fault

    def periods(self, first: int = 0) -> list[Period]:
        """The faults from the ``first`` on, as the history checker has them."""
        return [Period(fault.kind, fault.began, fault.ended, fault.parties) for fault in self.history[first:]]

    def undo_all(self) -> None:
        """Undo what is not undone yet, last first; all of it, and then raise what went wrong."""
        trouble: list[Exception] = []
        for fault in reversed(self.history):
            try:
                fault.undo()
            except Exception as error:  # noqa: BLE001 - the other faults must be undone before anybody hears of this one
                trouble.append(error)
        if trouble:
            raise ExceptionGroup("faults that could not be undone", trouble)

    # containers

    def stop(self, party: str) -> Fault:
        """Stop in good order (SIGTERM). What does not end in time is killed, and noted so."""
        began = time.time()
        self._parties.each(party, lambda container: container.stop(timeout=STOP_SECONDS))
        killed = tuple(name for name in self._parties.names(party) if self._parties.container(name).attrs["State"]["ExitCode"] == KILLED)
        if killed:
            return self.made("kill", f"{party}, which did not stop", lambda: self._start(self._parties.names(party)), killed, began)
        return self.made("stop", party, lambda: self._start(self._parties.names(party)), (party,), began)

    def kill(self, party: str) -> Fault:
        """``kill -9``, all of the party at once."""
        began = time.time()
        self._parties.each(party, lambda container: container.kill(signal="SIGKILL"))
        return self.made("kill", party, lambda: self._start(self._parties.names(party)), (party,), began)

    def pause(self, party: str) -> Fault:
        """Freeze: connections stay and nobody answers."""
        began = time.time()
        self._parties.each(party, lambda container: container.pause())
        return self.made("pause", party, lambda: self._parties.each(party, lambda container: container.unpause()), (party,), began)

    def signal(self, party: str, name: str) -> None:
        """Send a signal, as ``SIGHUP``. No fault by itself, so nothing to undo."""
        self._parties.each(party, lambda container: container.kill(signal=name))

    def _start(self, names: Sequence[str]) -> None:
        started = [name for name in names if self._parties.container(name).status != "running"]
        wait = self._watch(started)
        self._parties.each_of(names, lambda container: container.start())
        together(layer.on for layer in self._layers if layer.party in started)
        if self.is_patient:
            wait()

    # networks

    def partition(self, one: str, other: str) -> Fault:
        """No packet passes between the two, in either direction. Open connections hang, as on a cut line."""
        far = self._parties.addresses(other)
        return self._rules("partition", one, other, [f"{way} {address} -j DROP" for address in far for way in ("INPUT -s", "OUTPUT -d")])

    def deaf(self, one: str, other: str) -> Fault:
        """Packets of ``other`` do not reach ``one``, whose own get through: commands arrive and their answers are lost."""
        return self._rules("deaf", one, other, [f"INPUT -s {address} -j DROP" for address in self._parties.addresses(other)])

    def lossy(self, one: str, probability: float, other: str = "") -> Fault:
        """Lose this share of the packets that reach ``one``, from ``other`` or from anywhere."""
        chance = f"-m statistic --mode random --probability {probability} -j DROP"
        rules = [f"INPUT -s {address} {chance}" for address in self._parties.addresses(other)] if other else [f"INPUT ! -i lo {chance}"]
        return self._rules(f"lossy {probability:g}", one, other or ANYWHERE, rules)

    def slow(self, party: str, rate: str = "64kbit") -> Fault:
        """Let ``party`` send at this rate only (tc tbf), on all its links."""
        links = "for link in $(ls /sys/class/net | grep -v lo); do tc qdisc"
        on, off = f"{links} replace dev $link root tbf rate {rate} burst 16kb latency 1s; done", f"{links} del dev $link root; done"
        return self._lay("slow", f"{party} {rate}", (party, ANYWHERE), [self._script(name, on, off) for name in self._parties.names(party)])

    def latency(self, party: str, other: str, seconds: float, port: int = 25) -> Fault:
        """Delay what ``party`` and ``other`` say to each other, each way, on connections that ``party`` opens to this port.

        A proxy beside ``party`` takes these connections and passes all on late, from the same address: the kernel needs no netem.
        """
        layers = [
            self._proxy(name, address, port, seconds) for name in self._parties.names(party) for address in self._parties.addresses(other)
        ]
        return self._lay("latency", f"{party} to {other} {seconds:g} s", (party, other), layers)

    def _proxy(self, name: str, address: str, port: int, seconds: float) -> _Layer:
        listen = 20000 + int(address.rpartition(".")[2])
        rule = f"OUTPUT -p tcp -d {address} --dport {port} -m owner ! --uid-owner {PROXY_USER} -j REDIRECT --to-ports {listen}"
        running: list[Container] = []

        def on() -> None:
            words = ["-u", "-c", PROXY.read_text(), str(listen), address, str(port), str(seconds)]
            proxy = self._parties.start_beside(name, words, user=str(PROXY_USER))
            running.append(proxy)
            if not any(b"open" in line for line in proxy.logs(stream=True, follow=True)):
                raise CannotBreak(f"the proxy beside {name} ended: {proxy.logs()!r}")
            self._parties.beside(name, f"iptables -t nat -I {rule}")

        def off() -> None:
            with contextlib.suppress(APIError, ContainerError):
                self._parties.beside(name, f"iptables -t nat -D {rule}")
            while running:
                running.pop().remove(force=True)

        return _Layer(name, on, off)

    def _rules(self, kind: str, one: str, other: str, rules: Sequence[str]) -> Fault:
        on, off = ("\n".join(f"iptables {what} {rule}" for rule in rules) for what in ("-A", "-D"))
        near = self._parties.neighbours(one, other) if other != ANYWHERE else self._parties.names(one)
        return self._lay(kind, f"{one} {other}", (one, other), [self._script(name, on, off) for name in near])

    def _script(self, name: str, on: str, off: str) -> _Layer:
        def undo() -> None:
            # a container that does not run, or was started meanwhile, has lost what was done to its network
            with contextlib.suppress(APIError, ContainerError):
                self._parties.beside(name, off)

        return _Layer(name, lambda: self._parties.beside(name, on), undo)

    def _lay(self, kind: str, what: str, parties: tuple[str, ...], layers: Sequence[_Layer]) -> Fault:
        def undo() -> None:
            for layer in laid:
                self._layers.remove(layer)
            together(layer.off for layer in laid)

        laid = list(layers)
        self._layers += laid
        fault = self.made(kind, what, undo, parties)
        together((lambda layer=layer: self._lay_on(layer)) for layer in laid)  # type: ignore[misc]  # bound at once
        return fault

    def _lay_on(self, layer: _Layer) -> None:
        try:
            layer.on()
        except APIError:
            if self._parties.container(layer.party).status == "running":
                raise
            # it will be laid on when the container is started

    # disks, clocks, certificates

    def full(self, party: str, path: str, leave_bytes: int = 0) -> Fault:
        """Fill the disk of a volume, but for so many bytes. It must be a tmpfs or a small disk of its own: not the disk of this machine."""
        on = f"""[ $(stat -f -c %T {path}) = tmpfs ] || [ $(($(stat -f -c '%b * %S' {path}))) -le {LARGEST_DISK} ] ||
                {{ echo "{path} has no size of its own" >&2; exit 1; }}
            sync -f {path} # what was deleted is free only then
            free=$(($(stat -f -c '%a * %S' {path}) - {leave_bytes}))
            [ $free -le 0 ] || fallocate -l $free {path}/.filler || dd if=/dev/zero of={path}/.filler bs=64k 2>/dev/null || true"""
        self._parties.at_volume(party, path, on)
        return self.made("full", f"{party} {path}", lambda: self._parties.at_volume(party, path, f"rm -f {path}/.filler"), (party,))

    def power(self, party: str, path: str) -> Fault:
        """Cut the power of the disk that a party has at a path: what was not synced is lost, and all who use the disk are killed.

        Undone it starts them again, on what is left. Takes a disk by ``disks``; ``CannotBreak`` where there is none.
        """
        began = time.time()
        names = self._parties.sharing(party, path)
        try:
            self._parties.at_volume(party, path, f'python3 -c "{FORGET}" {path}', capabilities=["SYS_ADMIN"])
        except ContainerError as error:
            raise CannotBreak(f"{party} {path}: the disk has no power of its own: {error.stderr!r}") from None
        self._parties.each_of(names, lambda container: container.kill(signal="SIGKILL"))
        self._parties.each_of(names, lambda container: container.wait(timeout=STOP_SECONDS))
        self._parties.at_volume(party, path, f"touch {path}/.alive; rm {path}/.alive")  # it is mounted anew
        return self.made("power", f"{party} {path}", lambda: self._start(names), tuple(names), began)

    def read_only(self, party: str, path: str) -> Fault:
        """Make what one service has mounted at a path read-only for it, as a kernel does after an error of the disk."""
        once = f"nsenter -t 1 -m mount -o remount,bind,%s {path}"
        on = f"for try in $(seq {BUSY_SECONDS * 10}); do {once % 'ro'} 2>/dev/null && exit 0; sleep 0.1; done; {once % 'ro'}"
        off = once % "rw"

        def run(name: str, script: str) -> Callable[[], object]:
            return lambda: self._parties.inside(name, script)

        layers = [_Layer(name, run(name, on), run(name, off)) for name in self._parties.names(party)]
        return self._lay("read-only", f"{party} {path}", (party,), layers)

    def clock(self, party: str, ahead: timedelta, path: str = "/clock") -> Fault:
        """Set the clock of one service ahead. Its Compose file has it run under libfaketime, with the file ``now`` of this volume.

        A negative time sets it back. In the end it is set right while the service runs, as a time server does it: what it planned meanwhile, it
        planned by the wrong clock.
        """

        def put(seconds: float) -> None:
            self._parties.at_volume(party, path, f"echo {seconds:+.0f} >{path}/now")
            threading.Event().wait(CLOCK_SECONDS)

        put(ahead.total_seconds())
        return self.made("clock", f"{party} {ahead}", lambda: put(0), (party,))

    def certificate(self, party: str, pem: bytes, path: str = "/certs") -> Fault:
        """Let the services of a project show another certificate (key and chain in one PEM), and tell ``party`` by SIGHUP.

        The volume at ``path`` has ``cert.pem`` and ``key.pem``.
        """
        new = f"""for file in cert key; do
                cp -p {path}/$file.pem {path}/$file.saved
                printf '%s' "$PEM" >{path}/$file.pem
            done"""
        old = f"for file in cert key; do mv {path}/$file.saved {path}/$file.pem; done"
        self._parties.at_volume(party, path, new, environment={"PEM": pem.decode()})
        self.signal(party, "SIGHUP")

        def undo() -> None:
            self._parties.at_volume(party, path, old)
            self.signal(party, "SIGHUP")

        return self.made("certificate", party, undo, (party,))
